"""What arrives: always counted, and handed to a sink. Video stays encoded; sound goes to a
loudspeaker as it comes, and is decoded only for a sink.
"""

from __future__ import annotations

import array
import logging
import time
from collections.abc import Callable
from typing import Any

import av
from aiortc import RTCRtpReceiver
from aiortc.codecs.base import Decoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from agent.core.statistics.counters import PlayoutCounters
from agent.core.statistics.freezes import FreezeCounter
from agent.errors import MediaError
from agent.h264 import annexb as h264
from agent.ports import (
    AccessUnit,
    AudioPlayback,
    AudioPlayout,
    DecodedAudio,
    ReceivedAudio,
    RemoteMedia,
)
from agent.webrtc.internals import ReceiverTap, make_decoder
from agent.webrtc.receiving.frame_buffer import FrameBuffer, VideoPacket

log = logging.getLogger(__name__)

# every 15th sample: odd, so both channels count; an estimate that costs little
_ENERGY_STRIDE = 15


class InboundVideo:
    """Access units of the remote peer, each of which can be decoded after those before it."""

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        sink: RemoteMedia | None,
        on_first_packet: Callable[[], None],
        on_first_frame: Callable[[], None],
    ) -> None:
        self.frames = 0
        self.key_frames = 0
        self.freezes = FreezeCounter()
        self.width: int | None = None
        self.height: int | None = None
        self._sink = sink
        self._on_first_frame = on_first_frame
        self._sps: bytes | None = None
        self._buffer = FrameBuffer(self._deliver)
        self.tap = ReceiverTap(receiver, on_first_packet, assembler=self)

    def take_parameter_sets(self, sets: bytes) -> None:
        """What the remote description has of them."""
        self._buffer.take_parameter_sets(sets)

    def add(self, now: float, packet: Any) -> bool:
        """See `FrameAssembler`."""
        number, marker = packet.sequence_number, bool(packet.marker)
        data, ssrc = packet._data, packet.ssrc
        return self._buffer.add(now, VideoPacket(number, packet.timestamp, marker, data, ssrc))

    def _deliver(self, data: bytes, timestamp: int) -> None:
        keyframe = h264.is_keyframe(data)
        self.frames += 1
        now = time.monotonic()
        self.freezes.frame(now)
        if keyframe:
            self.key_frames += 1
            self._note_size(data)
        if self.frames == 1:
            self._on_first_frame()
        if self._sink is not None:
            try:
                self._sink.on_video(AccessUnit(data, keyframe, timestamp, now))
            except Exception:
                # an error here would end aiortc's transport
                log.exception("the sink failed and gets no more video")
                self._sink = None

    def _note_size(self, data: bytes) -> None:
        sps = h264.find_sps(data)
        if sps is None or sps == self._sps:
            return
        self._sps = sps
        try:
            parsed = h264.parse_sps(sps)
        except ValueError as error:
            log.info(
                "the remote peer sends a sequence parameter set that cannot be read: %s", error
            )
        else:
            self.width, self.height = parsed.width, parsed.height


class InboundAudio:
    """Sound of the remote peer. It is heard between `open()` and `close()`."""

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        sink: RemoteMedia | None,
        on_first_packet: Callable[[], None],
        playback: AudioPlayback | None = None,
    ) -> None:
        self.packets = 0
        # seconds, as W3C's totalAudioEnergy
        self.energy: float | None = None
        self._sink = sink
        self._decoder: Decoder | None = None
        self._playback = playback
        self._playout: AudioPlayout | None = None
        # of a playout that is closed
        self._played: PlayoutCounters | None = None
        self.tap = ReceiverTap(
            receiver, on_first_packet, deliver=self._deliver, on_packet=self._play
        )

    @property
    def played(self) -> PlayoutCounters | None:
        """What has become of it; None where it has never been played."""
        return self._played if self._playout is None else self._playout.played

    def open(self) -> None:
        """Let it be heard. Idempotent."""
        if self._playback is None or self._playout is not None:
            return
        try:
            self._playout = self._playback.open()
        except MediaError as error:
            log.warning("the remote peer is not heard: %s", error)
            self._playback = None

    def close(self) -> None:
        """Idempotent."""
        playout, self._playout, self._playback = self._playout, None, None
        if playout is not None:
            playout.close()
            self._played = playout.played

    def _play(self, packet: Any) -> None:
        if self._playout is not None:
            self._playout.put(
                ReceivedAudio(
                    packet._data,
                    packet.ssrc,
                    packet.sequence_number,
                    packet.timestamp,
                    time.monotonic(),
                )
            )

    def _deliver(self, codec: RTCRtpCodecParameters, data: bytes, timestamp: int) -> None:
        self.packets += 1
        if self._sink is None or not self._sink.wants_audio:
            return
        try:
            if self._decoder is None:
                self._decoder = make_decoder(codec)
            for frame in self._decoder.decode(JitterFrame(data, timestamp)):
                self._sink.on_audio(self._decoded(frame))
        except av.FFmpegError as error:
            log.debug("a packet of sound cannot be decoded: %s", error)
        except Exception:
            # an error here would end aiortc's transport
            log.exception("the sink failed and gets no more sound")
            self._sink = None

    def _decoded(self, frame: av.frame.Frame) -> DecodedAudio:
        assert isinstance(frame, av.AudioFrame)  # noqa: S101 - narrows the type
        channels = frame.layout.nb_channels
        samples = bytes(frame.planes[0])[: frame.samples * channels * 2]
        self.energy = (self.energy or 0.0) + _mean_square(
            samples
        ) * frame.samples / frame.sample_rate
        return DecodedAudio(samples, channels, frame.pts or 0)


def _mean_square(samples: bytes) -> float:
    """Of signed 16-bit samples, full scale being 1."""
    some = array.array("h", samples)[::_ENERGY_STRIDE]
    return sum(value * value for value in some) / (len(some) * 32767**2) if some else 0.0
