"""A sender, a path and a decoder of sound in simulated time: a tone of which every sample is known
by its timestamp, so that a click or a hole is seen.
"""

from __future__ import annotations

import heapq
import math
import random
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.media.sound.playout import Playout
from agent.ports import AUDIO_CLOCK_RATE, PCM_FRAME_SAMPLES, ReceivedAudio

PACKET_SAMPLES = 960
AMPLITUDE = 8000
# silk, 20 ms: the payload is a timestamp
TOC = b"\x48"


class Tone:
    """A sine; any whole frequency repeats after a second."""

    def __init__(self, hertz: int = 437) -> None:
        step = 2 * math.pi * hertz / AUDIO_CLOCK_RATE
        samples = (round(AMPLITUDE * math.sin(step * n)) for n in range(AUDIO_CLOCK_RATE))
        self._samples = array("h", samples) * 2
        self.steepest = AMPLITUDE * step

    def at(self, timestamp: int, samples: int) -> bytes:
        start = timestamp % AUDIO_CLOCK_RATE
        return self._samples[start : start + samples].tobytes()


class ToneDecoder:
    """Goes on with the tone whatever it is given, as libopus leads over from one packet to the
    next: a step in what is played is the playout's own.
    """

    def __init__(self, tone: Tone) -> None:
        self._tone = tone
        # of the tone, where the sound that was given last ends
        self._phase = 0
        self.decoded: list[int] = []

    def decode(self, data: bytes) -> bytes:
        self.decoded.append(int.from_bytes(data[1:], "big"))
        return self._next(PACKET_SAMPLES)

    def recover(self, data: bytes, samples: int) -> bytes:
        return self._next(samples)

    def conceal(self, samples: int) -> bytes:
        return self._next(samples)

    def _next(self, samples: int) -> bytes:
        start, self._phase = self._phase, self._phase + samples
        return self._tone.at(start, samples)


@dataclass(slots=True)
class Path:
    """What happens to packets: shares of 0..1, seconds."""

    loss: float = 0.0
    jitter: float = 0.0
    duplication: float = 0.0
    delay: float = 0.02
    # of the sender's clock against ours: 200e-6 is 200 ppm fast
    drift: float = 0.0
    seed: int = 1


def packets(path: Path, seconds: float, spoken: Callable[[int], bool]) -> Iterator[ReceivedAudio]:
    """In the order of arrival. `spoken` of the packet's number: whether there is one."""
    rng = random.Random(path.seed)
    waiting: list[tuple[float, int, ReceivedAudio]] = []
    sequence = 0
    for number in range(int(seconds / 0.02)):
        sent_at = number * 0.02 * (1 - path.drift)
        while waiting and waiting[0][0] <= sent_at:
            yield heapq.heappop(waiting)[2]
        if not spoken(number):
            continue
        sequence += 1
        if rng.random() < path.loss:
            continue
        timestamp = number * PACKET_SAMPLES
        data = TOC + timestamp.to_bytes(8, "big")
        for copy in range(2 if rng.random() < path.duplication else 1):
            arrived_at = sent_at + path.delay + rng.uniform(0, path.jitter)
            packet = ReceivedAudio(data, 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, arrived_at)
            heapq.heappush(waiting, (arrived_at, 2 * number + copy, packet))
    while waiting:
        yield heapq.heappop(waiting)[2]


@dataclass(slots=True)
class Heard:
    """What came out: of each frame of 10 ms whether there was any, and the steepest step between
    two samples as a share of the tone's own.
    """

    frames: int = 0
    silent: int = 0
    steepest: float = 0.0
    # seconds from arrival to play, of each second
    delays: list[float] | None = None


class Listening:
    """A card that reads a playout in simulated time."""

    def __init__(self, *, look_at_samples: bool = True) -> None:
        self.tone = Tone()
        self.decoder = ToneDecoder(self.tone)
        self.now = 0.0
        self.playout = Playout(self.decoder, lambda: self.now)
        self.heard = Heard(delays=[])
        self._look = look_at_samples
        self._last = 0

    def listen(self, arriving: Iterator[ReceivedAudio], seconds: float, *, reads: int = 1) -> Heard:
        """For so long, `reads` frames in a row."""
        coming = next(arriving, None)
        tally = self.playout.tally
        before = (0.0, 0)
        for frame in range(int(seconds * 100)):
            if frame % reads == 0:
                self.now = frame / 100
                while coming is not None and coming.arrived_at <= self.now:
                    self.playout.put(coming)
                    coming = next(arriving, None)
            self._hear(self.playout.read())
            if frame % 100 == 99 and tally.jitter_buffer_emitted > before[1]:
                total, count = tally.jitter_buffer_delay, tally.jitter_buffer_emitted
                assert self.heard.delays is not None
                self.heard.delays.append((total - before[0]) / (count - before[1]))
                before = total, count
        return self.heard

    def _hear(self, frame: bytes | None) -> None:
        self.heard.frames += 1
        self.heard.silent += frame is None
        if not self._look:
            return
        samples = memoryview(frame or bytes(2 * PCM_FRAME_SAMPLES)).cast("h").tolist()
        steps = map(abs, map(int.__sub__, samples, [self._last, *samples[:-1]]))
        self._last = samples[-1]
        self.heard.steepest = max(self.heard.steepest, max(steps) / self.tone.steepest)
