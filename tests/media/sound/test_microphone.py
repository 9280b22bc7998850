"""A card becomes packets, as long as they are wanted."""

from __future__ import annotations

import asyncio

import av
import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import microphone, reopening
from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.level import Level
from agent.media.sound.microphone import Microphone
from agent.ports import AudioSubscription
from tests.fakes.cards import FakeCard
from tests.media.sound.restarts import losses_expected
from tests.media.sound.tones import strength, tone
from tests.waiting import until


class ToneCard(FakeCard):
    """Hears a tone."""

    def __init__(self) -> None:
        super().__init__()
        self._start = 0

    def read(self) -> bytes:
        self._turn()
        self._start += 960
        return tone(1000, 960, 8000, self._start)


class Marking:
    """A `PcmFilter` that keeps what it was told."""

    def __init__(self) -> None:
        self.delays: list[float] = []

    def render(self, frame: bytes, delay: float) -> bytes:
        return frame

    def capture(self, frame: bytes, delay: float) -> bytes:
        self.delays.append(round(delay, 3))
        return bytes(len(frame))

    def close(self) -> None: ...


async def heard(subscription: AudioSubscription, packets: int = 20) -> bytes:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.format, decoder.layout, decoder.sample_rate = "s16", "mono", 48_000
    decoded = b""
    for _ in range(packets):
        for frame in decoder.decode(av.Packet((await subscription.next()).data)):
            decoded += bytes(frame.planes[0])[: 2 * frame.samples]
    return decoded[len(decoded) // 2 :]


async def test_microphone_is_open_as_long_as_it_is_wanted() -> None:
    card = ToneCard()
    hub = AudioHub(Microphone(card.open, lambda _fault: None))
    assert not card.is_open
    first, second = await hub.subscribe(), await hub.subscribe()
    assert strength(await heard(first), 1000) > 4000
    first.close()
    assert await second.next()
    assert card.is_open
    second.close()
    await until(lambda: not card.is_open)
    await hub.close()
    assert card.opened == 1


async def test_microphone_is_closed_while_all_have_muted_it() -> None:
    card, told = ToneCard(), list[MediaUnavailable | None]()
    hub = AudioHub(Microphone(card.open, told.append))
    first = await hub.subscribe(muted=True)
    # silence, and the card was not touched
    assert await first.next()
    assert card.opened == 0
    second = await hub.subscribe()
    await until(lambda: card.is_open)
    second.mute(True)
    await until(lambda: not card.is_open)
    assert await second.next()
    second.close()
    first.mute(False)
    assert strength(await heard(first, 40), 1000) > 4000
    assert card.is_open
    first.mute(True)
    await until(lambda: not card.is_open)
    first.close()
    await hub.close()
    assert card.opened == card.closed == 2
    assert told == [None]


async def test_microphone_follows_its_level() -> None:
    card, level = ToneCard(), Level(50)
    hub = AudioHub(Microphone(card.open, lambda _fault: None, level=level))
    subscription = await hub.subscribe()
    assert 500 < strength(await heard(subscription), 1000) < 1500
    await hub.close()


async def test_microphone_is_closed_while_its_level_is_0() -> None:
    card, level = ToneCard(), Level(0)
    hub = AudioHub(Microphone(card.open, lambda _fault: None, level=level))
    subscription = await hub.subscribe()
    assert await subscription.next()
    assert card.opened == 0
    level.turn(100)
    assert strength(await heard(subscription, 40), 1000) > 4000
    level.turn(0)
    await until(lambda: not card.is_open)
    await hub.close()
    assert card.opened == card.closed == 1


async def test_microphone_that_starts_again_expects_the_loss_that_was_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Microphone(ToneCard().open, lambda _fault: None)
    assert await losses_expected(monkeypatch, microphone, source) == [0.1, 0.2, 0.2]


async def test_microphone_goes_through_the_filter_in_frames_of_10_ms() -> None:
    card, marking = ToneCard(), Marking()
    hub = AudioHub(Microphone(card.open, lambda _fault: None, sound_filter=marking))
    subscription = await hub.subscribe()
    assert strength(await heard(subscription), 1000) < 10
    await hub.close()
    assert marking.delays[:4] == [0.02, 0.01, 0.02, 0.01]


async def test_microphone_that_is_lost_is_silent_and_told_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reopening, "RETRY", 0.01)
    card, told = ToneCard(), asyncio.Queue[MediaUnavailable | None]()
    hub = AudioHub(Microphone(card.open, told.put_nowait))
    subscription = await hub.subscribe()
    assert await told.get() is None
    card.plugged = False
    assert "not plugged in" in str(await told.get())
    assert await subscription.next()
    card.plugged = True
    assert await told.get() is None
    assert strength(await heard(subscription, 40), 1000) > 4000
    await hub.close()
    assert card.opened == card.closed == 2
