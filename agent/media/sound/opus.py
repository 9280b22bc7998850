"""libopus for a call: 48 kHz mono, 20 ms a packet."""

from __future__ import annotations

import time
from fractions import Fraction

import av
import av.error

from agent.errors import MediaUnavailable
from agent.ports import AUDIO_CLOCK_RATE, AudioPacket

FRAME_SAMPLES = 960
FRAME_DURATION = FRAME_SAMPLES / AUDIO_CLOCK_RATE
FRAME_BYTES = FRAME_SAMPLES * 2
BITRATE = 32_000


class OpusEncoder:
    """Not thread-safe: one thread encodes. Raises MediaUnavailable where libopus is missing."""

    def __init__(self, bitrate: int = BITRATE) -> None:
        try:
            context = av.CodecContext.create("libopus", "w")
            context.sample_rate = AUDIO_CLOCK_RATE
            context.layout = "mono"
            context.format = "s16"
            context.bit_rate = bitrate
            context.time_base = Fraction(1, AUDIO_CLOCK_RATE)
            context.options = {"application": "voip", "frame_duration": "20"}
            context.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaUnavailable(f"libopus cannot encode: {error}") from error
        self._context = context
        self._taken = 0
        self._made = 0

    def encode(self, samples: bytes) -> list[AudioPacket]:
        """Packets out of 960 samples, signed 16 bit. Their pts follow each other without a gap."""
        frame = av.AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.sample_rate = AUDIO_CLOCK_RATE
        frame.time_base = Fraction(1, AUDIO_CLOCK_RATE)
        frame.pts = self._taken
        frame.planes[0].update(samples)
        self._taken += FRAME_SAMPLES
        return [self._packet(bytes(packet)) for packet in self._context.encode(frame)]

    def _packet(self, data: bytes) -> AudioPacket:
        packet = AudioPacket(data, self._made, time.monotonic())
        self._made += FRAME_SAMPLES
        return packet
