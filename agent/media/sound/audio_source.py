"""Sources of sound that need no sound card: a tone that goes with the test pattern, and any
file.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import av
import av.error
from av.audio.resampler import AudioResampler

from agent.errors import MediaUnavailable
from agent.media.base.video_source import Fail
from agent.media.base.worker import Ticker, Worker
from agent.media.sound.opus import FRAME_BYTES, FRAME_DURATION, FRAME_SAMPLES, OpusEncoder
from agent.media.sound.paced_packets import FRAMES_A_WAKE, MAKING, PacedPackets
from agent.media.sound.pcm import PcmFilter
from agent.ports import AUDIO_CLOCK_RATE, PCM_FRAME_BYTES, AudioPacket

_FREQUENCY = 440
_AMPLITUDE = 3_000
"""Of 32767: soft."""
_PULSE_FRAMES = 6
"""120 ms, as long as the picture's flash."""
_FRAMES_A_SECOND = round(1 / FRAME_DURATION)
_SILENCE = bytes(FRAME_BYTES)
_KEPT_AT_MOST = 15_000
"""Packets of a file that are kept: five minutes, some 1.2 MB."""


class _EncodingSource(ABC):
    """Emits what `_packets()` yields, two frames each 40 ms, from a thread."""

    def __init__(self, name: str, gate: PcmFilter | None = None) -> None:
        """`gate` decides what of it is sent."""
        self._name = name
        self._gate = gate
        self._worker: Worker | None = None
        self._encoder: OpusEncoder | None = None
        self._expected_loss = 0.0
        self._paced: PacedPackets | None = None

    @property
    def _is_known_ahead(self) -> bool:
        """Whether what is sent in half a second is known now."""
        return False

    async def start(self, emit: Callable[[AudioPacket], None], fail: Fail) -> None:
        await self._check()
        encoder = self._encoder = OpusEncoder()
        encoder.expect_loss(self._expected_loss)
        loop = asyncio.get_running_loop()

        def emit_all(packets: list[AudioPacket]) -> None:
            for packet in packets:
                emit(packet)

        def hand_over(packets: list[AudioPacket]) -> None:
            # the thread may outlive the event loop
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(emit_all, packets)

        def work(stopping: threading.Event) -> None:
            if paced is not None:
                self._produce_ahead(stopping, encoder, paced)
            else:
                self._produce(stopping, encoder, hand_over)

        paced = self._paced = PacedPackets(emit) if self._is_known_ahead else None
        self._worker = Worker(self._name, work, fail)

    async def stop(self) -> None:
        worker, self._worker = self._worker, None
        paced, self._paced = self._paced, None
        if worker is not None:
            await worker.stop()
        if paced is not None:
            paced.close()

    def expect_loss(self, fraction: float) -> None:
        """See `LossAware`."""
        self._expected_loss = fraction
        if self._encoder is not None:
            self._encoder.expect_loss(fraction)

    async def _check(self) -> None:  # noqa: B027 - a source that makes its own sound has nothing to look at
        """Raises MediaUnavailable where `_packets()` would have nothing."""

    def _produce(
        self,
        stopping: threading.Event,
        encoder: OpusEncoder,
        hand_over: Callable[[list[AudioPacket]], None],
    ) -> None:
        ticker = Ticker(FRAMES_A_WAKE * FRAME_DURATION)
        packets = self._packets(encoder)
        while not stopping.is_set():
            # together: each that leaves alone wakes the event loop
            made = [packet for each in islice(packets, FRAMES_A_WAKE) for packet in each]
            if made:
                hand_over(made)
            stopping.wait(ticker.next_wait())

    def _produce_ahead(
        self, stopping: threading.Event, encoder: OpusEncoder, paced: PacedPackets
    ) -> None:
        packets = self._packets(encoder)
        while not stopping.is_set():
            paced.fill(lambda: next(packets), stopping)
            stopping.wait(MAKING)

    @abstractmethod
    def _packets(self, encoder: OpusEncoder) -> Iterator[list[AudioPacket]]:
        """What is sent of each frame of 20 ms, as long as it is wanted."""

    def _through_gate(self, samples: bytes) -> bytes:
        gate = self._gate
        if gate is None:
            return samples
        starts = range(0, len(samples), PCM_FRAME_BYTES)
        return b"".join(gate.capture(samples[at : at + PCM_FRAME_BYTES], 0.0) for at in starts)


class ToneSource(_EncodingSource):
    """A soft tone for 120 ms at the beginning of each second of the clock, when the test pattern
    flashes.
    """

    def __init__(self, now: Callable[[], float] = time.time, gate: PcmFilter | None = None) -> None:
        super().__init__("tone", gate)
        self._now = now

    def _packets(self, encoder: OpusEncoder) -> Iterator[list[AudioPacket]]:
        for samples in self._frames():
            yield encoder.encode(self._through_gate(samples))

    def _frames(self) -> Iterator[bytes]:
        pulse = tone_pulse()
        played = -1
        while True:
            second, frame = divmod(round(self._now() * _FRAMES_A_SECOND), _FRAMES_A_SECOND)
            if frame < _PULSE_FRAMES and second != played:
                played = second
                # whole: looking at the clock within it could break it, and that would be heard
                yield from pulse
            else:
                yield _SILENCE


def tone_pulse() -> list[bytes]:
    """The frames of one pulse; it swells and fades, so that it does not click."""
    total = _PULSE_FRAMES * FRAME_SAMPLES
    samples = array(
        "h",
        (
            round(
                _AMPLITUDE
                * math.sin(math.pi * number / total) ** 2
                * math.sin(2 * math.pi * _FREQUENCY * number / AUDIO_CLOCK_RATE)
            )
            for number in range(total)
        ),
    ).tobytes()
    return [samples[start : start + FRAME_BYTES] for start in range(0, len(samples), FRAME_BYTES)]


class SoundFileSource(_EncodingSource):
    """Any file with sound that FFmpeg decodes, in a loop, mixed down to 48 kHz mono."""

    def __init__(self, path: Path, gate: PcmFilter | None = None) -> None:
        super().__init__(f"sound {path.name}", gate)
        self._path = path

    @property
    def _is_known_ahead(self) -> bool:
        # a gate closes when a button is pressed
        return self._gate is None

    async def _check(self) -> None:
        if not self._path.is_file():
            raise MediaUnavailable(f"{self._path}: there is no such file")
        if await asyncio.to_thread(lambda: next(read_sound(self._path), None)) is None:
            raise MediaUnavailable(f"{self._path}: holds no sound, or less than 20 ms of it")

    def _packets(self, encoder: OpusEncoder) -> Iterator[list[AudioPacket]]:
        """A short file is encoded once, unless what is sent of it changes."""
        while True:
            loss, kept = encoder.expected_loss, list[bytes | None]()
            for samples in read_sound(self._path):
                packets = encoder.encode(self._through_gate(samples))
                if len(kept) <= _KEPT_AT_MOST:
                    kept.append(packets[0].data if packets else None)
                yield packets
            if not kept:
                raise MediaUnavailable(f"{self._path}: is empty now")
            fits = self._gate is None and len(kept) <= _KEPT_AT_MOST
            while fits and encoder.expected_loss == loss:
                for data in kept:
                    yield encoder.repeat(data)


def read_sound(path: Path) -> Iterator[bytes]:
    """All sound of a file in frames of 20 ms; a shorter rest at the end is left out. Raises
    MediaUnavailable.
    """
    resampler = AudioResampler(
        format="s16", layout="mono", rate=AUDIO_CLOCK_RATE, frame_size=FRAME_SAMPLES
    )
    try:
        with av.open(str(path), "r") as container:
            stream = next(iter(container.streams.audio), None)
            if stream is None:
                return
            for decoded in container.decode(stream):
                # gaps in a file's own clock would become gaps in the call
                decoded.pts = None
                for frame in resampler.resample(decoded):
                    if frame.samples == FRAME_SAMPLES:
                        yield bytes(frame.planes[0])[:FRAME_BYTES]
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaUnavailable(f"{path}: cannot be read as sound: {reason}") from error
