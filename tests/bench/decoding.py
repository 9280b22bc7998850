"""Whether what arrived can be decoded as it is: no concealment, no picture that refers to one that
never came.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import av
import av.error
import av.logging

from agent.h264.annexb import NAL_IDR, NAL_SLICE, NAL_SPS, BitReader, nal_units, without_emulation
from agent.media.pattern.timecode import read_strip, strip_age
from agent.ports import AccessUnit, DecodedAudio
from tests.bench.series import Sample

# complaints that are kept word by word
KEPT = 10
# bytes that surely hold what is read of a slice header
_HEADER_SIZE = 32


class FrameNumbers:
    """Follows `frame_num` (7.4.3): a reference picture that is missing leaves a gap, which decoders
    bridge in silence.

    Every picture is taken for a reference, as those of x264's Baseline and of cameras are.
    """

    def __init__(self) -> None:
        self._bits = 4
        self._last: int | None = None

    def gap_before(self, data: bytes) -> bool:
        """Whether pictures are missing between the last access unit and this one."""
        for unit in nal_units(data):
            kind = unit[0] & 0x1F
            if kind == NAL_SPS:
                self._bits = _frame_number_bits(unit)
            elif kind in (NAL_SLICE, NAL_IDR):
                number, before = self._number(unit), self._last
                self._last = number
                return kind != NAL_IDR and (
                    before is None or number != (before + 1) % (1 << self._bits)
                )
        return False

    def _number(self, unit: bytes) -> int:
        bits = BitReader(without_emulation(unit[1:_HEADER_SIZE]))
        for _ in range(3):  # first_mb_in_slice, slice_type, pic_parameter_set_id
            bits.ue()
        return bits.take(self._bits)


def _frame_number_bits(sps: bytes) -> int:
    bits = BitReader(without_emulation(sps[1:]))
    bits.take(24)
    # seq_parameter_set_id; profiles with more fields before the next one are not sent here
    bits.ue()
    return bits.ue() + 4


@dataclass(slots=True)
class Examiner:
    """A `RemoteMedia` that decodes each picture as it comes and keeps what was wrong with it.

    `ages` are milliseconds from the time strip, by the monotonic clock.
    """

    pictures: int = 0
    keyframes: int = 0
    undecodable: int = 0
    complaints: list[str] = field(default_factory=list)
    ages: list[Sample] = field(default_factory=list)
    _numbers: FrameNumbers = field(default_factory=FrameNumbers)
    _decoder: av.VideoCodecContext = field(default_factory=lambda: _make_decoder())

    def on_video(self, unit: AccessUnit) -> None:
        self.pictures += 1
        self.keyframes += unit.keyframe
        faults = ["the picture before it is missing"] if self._numbers.gap_before(unit.data) else []
        with av.logging.Capture() as log:
            frames = self._decode(unit.data, faults)
        faults += [text.strip() for _, _, text in log]
        if len(frames) != 1:
            faults.append(f"{len(frames)} pictures came out")
        for frame in frames:
            if frame.is_corrupt:
                faults.append("the decoder calls the picture corrupt")
            self._read_age(frame, faults)
        if faults:
            self._complain(unit, faults)

    @property
    def wants_audio(self) -> bool:
        return False

    def on_audio(self, audio: DecodedAudio) -> None:
        """Nothing is asked of the sound."""

    def _decode(self, data: bytes, faults: list[str]) -> list[av.VideoFrame]:
        try:
            return self._decoder.decode(av.Packet(data))
        except av.error.FFmpegError as error:
            faults.append(str(error))
            return []

    def _read_age(self, frame: av.VideoFrame, faults: list[str]) -> None:
        luma = frame.planes[0]
        captured = read_strip(memoryview(luma), luma.line_size, frame.width)
        if captured is None:
            faults.append("the time strip cannot be read")
        else:
            self.ages.append(
                Sample(time.monotonic(), strip_age(captured, time.time_ns() // 1_000_000))
            )

    def _complain(self, unit: AccessUnit, faults: list[str]) -> None:
        self.undecodable += 1
        if len(self.complaints) < KEPT:
            kind = "key frame" if unit.keyframe else "picture"
            self.complaints.append(
                f"{kind} {self.pictures}, {len(unit.data)} bytes: {'; '.join(faults)}"
            )


def _make_decoder() -> av.VideoCodecContext:
    """It tells of what it conceals at the level INFO, and gives out each picture at once."""
    av.logging.set_level(av.logging.INFO)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    return decoder
