"""Sound on the kernel's own loop: both directions, what comes late, and from mouth to ear."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound.alsa_pcm import AlsaPlayer, AlsaSource
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.microphone import Microphone
from agent.media.sound.playout import AttachedPlayout
from agent.media.sound.sound_cards import choose_card, sound_cards
from agent.ports import AudioPacket, ReceivedAudio
from tests.lab.sound_ends import PERIOD_SAMPLES, Block, Ear, Mouth, first_above, loop
from tests.media.sound.tones import strength, tone

pytestmark = pytest.mark.lab

TONE = tone(1000, PERIOD_SAMPLES)
LOUD = 10_000
BEEPS = 41
BEEP_EVERY = 25
"""Periods of 20 ms; odd against everything else that repeats."""
TWO_DEVICES = 0.1


def hear_tone(source: AlsaSource) -> None:
    for _ in range(200):
        if strength(source.read(), 1000) > LOUD:
            return
    raise AssertionError("the tone is not heard")


@pytest.mark.parametrize("playing", [0, 1])
def test_sound_loop_is_heard_at_its_other_end(playing: int) -> None:
    source = AlsaSource(loop(1 - playing))
    mouth = Mouth(loop(playing), lambda number, at: TONE)
    try:
        hear_tone(source)
        blocks = [source.read() for _ in range(50)]
        assert all(strength(each, 1000) > LOUD for each in blocks)
        assert source.xruns == 0
    finally:
        mouth.close()
        source.close()


def test_sound_loop_both_ends_go_on_after_they_were_too_slow() -> None:
    source, player = AlsaSource(loop(1)), AlsaPlayer(loop(0))
    try:
        player.write(TONE)
        source.read()
        # longer than either buffer
        time.sleep(1.0)
        player.write(TONE)
        source.read()
        assert (player.xruns, source.xruns) == (1, 1)
        for _ in range(10):
            player.write(TONE)
            heard = source.read()
        assert strength(heard, 1000) > LOUD
        assert (player.xruns, source.xruns) == (1, 1)
    finally:
        player.close()
        source.close()


def test_sound_loop_is_no_card_for_auto() -> None:
    cards = sound_cards()
    assert "Loopback" in {each.id for each in cards}
    assert choose_card(cards, capture=True) is None


class Hearing:
    """When beeps are heard."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.done = threading.Event()

    def __call__(self, block: Block) -> None:
        at = first_above(block, LOUD // 2)
        if at is not None and (not self.at or at - self.at[-1] > 0.1):
            self.at.append(at)
            if len(self.at) == BEEPS:
                self.done.set()


class Beeping:
    """A beep of a period now and then, above a tone that is hardly heard."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def __call__(self, number: int, at: float) -> bytes:
        if number % BEEP_EVERY:
            return tone(200, PERIOD_SAMPLES, 600, start=number * PERIOD_SAMPLES)
        self.at.append(at)
        return TONE


async def test_sound_loop_from_mouth_to_ear_between_two_devices() -> None:
    """A microphone, packets, a loudspeaker; the network takes no time."""
    asyncio_loop, hearing, beeping = asyncio.get_running_loop(), Hearing(), Beeping()
    failures: list[Exception] = []

    def tell(fault: MediaUnavailable | None) -> None:
        if fault is not None:
            failures.append(fault)

    speaker = CardSpeaker(lambda: AlsaPlayer(loop(0, 1)), tell)
    playout = AttachedPlayout(speaker)
    microphone = Microphone(lambda: AlsaSource(loop(1, 0)), tell)
    numbers = iter(range(1 << 16))

    def emit(packet: AudioPacket) -> None:
        received = ReceivedAudio(packet.data, 1, next(numbers), packet.pts, time.monotonic())
        asyncio_loop.call_soon_threadsafe(playout.put, received)

    mouth, ear = Mouth(loop(0, 0), beeping), Ear(loop(1, 1), hearing)
    await microphone.start(emit, failures.append)
    try:
        assert await asyncio.to_thread(hearing.done.wait, 60)
    finally:
        await microphone.stop()
        playout.close()
        await speaker.close()
        mouth.close()
        ear.close()
    assert not failures
    delays = [min(heard - said for said in beeping.at if said <= heard) for heard in hearing.at[1:]]
    print(
        f"mouth to ear: median {1000 * statistics.median(delays):.1f} ms, "
        f"{1000 * min(delays):.1f} to {1000 * max(delays):.1f}"
    )
    assert statistics.median(delays) < TWO_DEVICES
    assert max(delays) < 2 * TWO_DEVICES
