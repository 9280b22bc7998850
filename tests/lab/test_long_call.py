"""An hour of a remote peer on a real card, over a bad path and from a clock that differs."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from agent.errors import MediaUnavailable
from agent.media.sound.alsa_pcm import AlsaPlayer
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.opus import FRAME_DURATION, FRAME_SAMPLES, OpusEncoder
from agent.media.sound.playout import AttachedPlayout
from agent.ports import ReceivedAudio
from tests.lab.sound_ends import Block, Ear, loop
from tests.media.sound.tones import tone

pytestmark = pytest.mark.lab

HERTZ, AMPLITUDE = 400, 8000.0
DRIFT = 200e-6
"""200 ppm by which the sender's clock is fast."""
WARM_UP = 2.0
SILENCE = AMPLITUDE / 4
CLICK = 1.5
"""As a share of the tone's own steepest step."""
DROPOUTS = 0.001
GROWTH = 0.01


def make_packets(loss: float) -> list[bytes]:
    """Ten seconds of a tone, which fit to themselves."""
    encoder = OpusEncoder()
    encoder.expect_loss(loss)
    found = []
    for number in range(600):
        start = number * FRAME_SAMPLES
        samples = tone(HERTZ, FRAME_SAMPLES, AMPLITUDE, start=start)
        found += [each.data for each in encoder.encode(samples)]
    # without the encoder's beginning
    return found[100:]


@dataclass(frozen=True)
class BadPath:
    loss: float
    """A share of the packets."""
    jitter: float
    """Seconds."""
    clicks: float
    """A minute that are put up with: libopus leads a tone over a hole, but not its phase."""


LOSSY = BadPath(0.05, 0.03, clicks=30)
STEADY = BadPath(0.0, 0.005, clicks=2)
"""Some packets are made up for although all arrive: a card asks for 20 ms at once, which is before
the packet of a faster clock is there.
"""


@dataclass
class Heard:
    """What an ear makes of the tone."""

    begin: float
    periods: int = 0
    silent: int = 0
    steepest: float = 0.0
    clicks: list[float] = field(default_factory=list)
    _last: int = 0

    def __call__(self, block: Block) -> None:
        samples = np.frombuffer(block.samples, np.int16).astype(np.int32)
        step = np.abs(np.diff(samples, prepend=self._last)).max()
        self._last = int(samples[-1])
        if block.began < self.begin:
            return
        self.periods += 1
        self.silent += bool(np.abs(samples).max() < SILENCE)
        self.steepest = max(self.steepest, float(step))
        if step > CLICK * 2 * np.pi * HERTZ / 48_000 * AMPLITUDE:
            self.clicks.append(block.began)


async def send(playout: AttachedPlayout, path: BadPath, seconds: float) -> list[float]:
    """Play packets into it as a path would bring them. The mean delay of the jitter buffer in each
    minute.
    """
    chance, data = random.Random(14), make_packets(path.loss)
    events, began = asyncio.get_running_loop(), time.monotonic()
    delays, emitted, waited = [], 0, 0.0
    count = int(seconds / FRAME_DURATION)
    for number in range(count):
        at = began + number * FRAME_DURATION / (1 + DRIFT)
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        if chance.random() >= path.loss:
            events.call_later(chance.uniform(0, path.jitter), put, playout, number, data)
        if (number + 1) % int(60 / FRAME_DURATION) == 0 or number + 1 == count:
            tally = playout.tally
            packets = tally.jitter_buffer_emitted - emitted
            delays.append((tally.jitter_buffer_delay - waited) / packets)
            emitted, waited = tally.jitter_buffer_emitted, tally.jitter_buffer_delay
    return delays


def put(playout: AttachedPlayout, number: int, data: list[bytes]) -> None:
    packet = data[number % len(data)]
    playout.put(ReceivedAudio(packet, 1, number, number * FRAME_SAMPLES, time.monotonic()))


async def listen(path: BadPath, seconds: float) -> None:
    failures: list[MediaUnavailable] = []

    def tell(fault: MediaUnavailable | None) -> None:
        if fault is not None:
            failures.append(fault)

    speaker = CardSpeaker(lambda: AlsaPlayer(loop(0)), tell)
    playout = AttachedPlayout(speaker)
    heard = Heard(time.monotonic() + WARM_UP)
    ear = Ear(loop(1), heard)
    try:
        delays = await send(playout, path, seconds)
    finally:
        ear.close()
        playout.close()
        await speaker.close()
    first, last = delays[0], delays[-1]
    steep = heard.steepest / (2 * np.pi * HERTZ / 48_000 * AMPLITUDE)
    print(
        f"{seconds:.0f} s: {heard.silent} of {heard.periods} periods silent, steepest step "
        f"{steep:.2f} of the tone's, {len(heard.clicks)} clicks, jitter buffer {1000 * first:.0f} "
        f"to {1000 * last:.0f} ms, median {1000 * statistics.median(delays):.0f}, {playout.tally}"
    )
    assert not failures
    assert ear.xruns == 0
    assert heard.periods > 0.99 * (seconds - WARM_UP) / FRAME_DURATION
    assert heard.silent <= DROPOUTS * heard.periods
    assert len(heard.clicks) <= path.clicks * seconds / 60
    assert last < first + GROWTH
    assert playout.tally.packets_discarded == 0


@pytest.mark.parametrize("path", [LOSSY, STEADY], ids=["lossy", "steady"])
async def test_long_call_of_a_minute_has_no_dropout(path: BadPath) -> None:
    await listen(path, 60)


@pytest.mark.further_case
@pytest.mark.parametrize("path", [LOSSY, STEADY], ids=["lossy", "steady"])
async def test_long_call_of_an_hour_has_no_dropout_and_does_not_grow(path: BadPath) -> None:
    await listen(path, 3600)
