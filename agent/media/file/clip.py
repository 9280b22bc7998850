"""Reads H.264 out of a file, picture by picture, as it was encoded."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.container
import av.error
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream

from agent.errors import MediaUnavailable
from agent.h264.annexb import is_keyframe
from agent.h264.parameter_sets import ParameterSets, has_b_slices, has_picture, sequence_parameters
from agent.ports import VIDEO_CLOCK_RATE, VideoFormat

_RAW_SUFFIXES = frozenset({".h264", ".264", ".avc"})
_PROBE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ClipPicture:
    """One access unit in Annex B. `offset` and `duration` count 1/90000 s, the offset from the
    start of the clip.
    """

    data: bytes
    keyframe: bool
    offset: int
    duration: int


def probe_clip(path: Path, framerate: float) -> VideoFormat:
    """What the clip holds. `framerate` is for a raw stream that does not say its own. Raises
    MediaUnavailable.
    """
    with closing(read_clip(path, framerate)) as pictures:
        first = next(pictures, None)
    if first is None:
        raise MediaUnavailable(f"{path}: holds no H.264 picture that decoding can begin with")
    try:
        parameters = sequence_parameters(first.data)
    except ValueError as error:
        raise MediaUnavailable(f"{path}: {error}") from error
    if parameters is None:
        raise MediaUnavailable(f"{path}: its H.264 has no sequence parameter set")
    rate = VIDEO_CLOCK_RATE / first.duration
    return VideoFormat(
        parameters.width, parameters.height, round(rate, 3), parameters.profile_level_id
    )


def read_clip(path: Path, framerate: float) -> Generator[ClipPicture, None, None]:
    """Every picture once, from the first key frame on. Raises MediaUnavailable, also in the middle
    of a broken file.
    """
    try:
        with open_clip(path, framerate) as container:
            yield from _pictures(path, container)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaUnavailable(f"{path}: cannot be read as video: {reason}") from error


def open_clip(path: Path, framerate: float) -> av.container.InputContainer:
    """As `read_clip` does. Raises what PyAV raises."""
    if path.suffix.lower() not in _RAW_SUFFIXES:
        return av.open(str(path), "r")
    with path.open("rb") as file:
        parameters = sequence_parameters(file.read(_PROBE_BYTES))
    rate = parameters.framerate if parameters is not None and parameters.framerate else framerate
    exact = Fraction(rate).limit_denominator(1001)
    return av.open(
        str(path),
        "r",
        format="h264",
        options={"framerate": f"{exact.numerator}/{exact.denominator}"},
    )


def _pictures(path: Path, container: av.container.InputContainer) -> Iterator[ClipPicture]:
    stream = next(
        (each for each in container.streams.video if each.codec_context.name == "h264"), None
    )
    if stream is None:
        found = (
            ", ".join(sorted({each.codec_context.name for each in container.streams.video}))
            or "no video"
        )
        raise MediaUnavailable(
            f"{path}: holds no H.264, only {found}; it would have to be encoded again"
        )
    tick = stream.time_base * VIDEO_CLOCK_RATE if stream.time_base else Fraction(1)
    duration = round(VIDEO_CLOCK_RATE / (stream.average_rate or stream.guessed_rate or 30))
    sets = ParameterSets()
    start: int | None = None
    offset = -duration
    for packet in _annexb_packets(container, stream):
        data = sets.complete(bytes(packet))
        keyframe = is_keyframe(data)
        if not has_picture(data) or (start is None and not keyframe):
            continue
        if has_b_slices(data):
            raise MediaUnavailable(
                f"{path}: has B-frames, which a live call cannot carry; encode it without (-bf 0)"
            )
        start = (packet.pts or 0) if start is None else start
        timed = round((packet.pts - start) * tick) if packet.pts is not None else offset + duration
        offset = timed if timed > offset else offset + duration
        yield ClipPicture(data, keyframe, offset, duration)


def _annexb_packets(
    container: av.container.InputContainer, stream: VideoStream
) -> Iterator[av.Packet[VideoStream]]:
    """The packets of `stream`; with start codes instead of lengths, whatever the container
    keeps.
    """
    extradata = stream.codec_context.extradata
    if not extradata or extradata[0] != 1:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
        return
    to_annexb = BitStreamFilterContext("h264_mp4toannexb", stream)
    for packet in container.demux(stream):
        if packet.size:
            yield from to_annexb.filter(packet)
