"""A card that is pulled and plugged in again."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from agent.errors import MediaUnavailable
from agent.media.sound import reopening
from agent.media.sound.reopening import ChangeTeller, SilentPlayer, SilentSource, pump_card
from agent.ports import PCM_FRAME_BYTES
from tests.fakes.cards import FakeCard


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reopening, "RETRY", 0.01)


class Script:
    """Moves a card, pulls it, and plugs it in again."""

    def __init__(self) -> None:
        self.card, self.stand_in = FakeCard(), FakeCard(0)
        self.stopping = threading.Event()
        self.told: list[str | None] = []
        self.moved: list[str] = []

    def move(self, card: FakeCard) -> None:
        card.read()
        self.moved.append("stand-in" if card is self.stand_in else "card")
        if self.moved.count("card") == 3 and "stand-in" not in self.moved:
            self.card.plugged = False
        if self.moved.count("stand-in") == 3:
            self.card.plugged = True
        if self.moved.count("card") > 5:
            self.stopping.set()

    def tell(self, fault: MediaUnavailable | None) -> None:
        self.told.append(None if fault is None else str(fault))


def test_pump_card_goes_on_with_a_stand_in_until_it_is_back() -> None:
    script = Script()
    pump_card(script.stopping, script.card.open, script.stand_in, script.move, script.tell)
    assert script.told[0] is script.told[-1] is None
    assert set(script.told[1:-1]) == {"card: it is not plugged in"}
    assert script.moved[:3] == ["card"] * 3
    assert script.moved[3] == "stand-in"
    assert script.moved[-1] == "card"
    assert script.card.opened == script.card.closed == 2


def test_pump_card_is_closed_while_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    # no failure, so nothing waits for another try
    monkeypatch.setattr(reopening, "RETRY", 3600.0)
    card, stand_in, stopping = FakeCard(), FakeCard(0), threading.Event()
    moved: list[str] = []
    told: list[MediaUnavailable | None] = []

    def move(moving: FakeCard) -> None:
        assert card.is_open is (moving is card)
        moved.append("card" if moving is card else "stand-in")
        if len(moved) == 9:
            stopping.set()

    pump_card(stopping, card.open, stand_in, move, told.append, lambda: len(moved) // 3 % 2 == 1)
    assert moved == ["stand-in"] * 3 + ["card"] * 3 + ["stand-in"] * 3
    assert (card.opened, card.closed, told) == (1, 1, [None])


def test_silent_ends_keep_the_pace_of_a_card() -> None:
    source, player = SilentSource(), SilentPlayer()
    assert source.read() == bytes(2 * PCM_FRAME_BYTES)
    player.write(bytes(2 * PCM_FRAME_BYTES))
    assert source.delay() == 0.02
    assert player.delay() == 0
    source.close()
    player.close()


async def test_change_teller_tells_each_change_once(caplog: pytest.LogCaptureFixture) -> None:
    told: list[MediaUnavailable | None] = []
    caplog.set_level(logging.INFO)
    tell = ChangeTeller("microphone", told.append, asyncio.get_running_loop())
    gone = MediaUnavailable("gone")
    for fault in (None, None, gone, gone, None):
        tell(fault)
    await asyncio.sleep(0)
    assert told == [None, gone, None]
    assert "no sound, the microphone is missing: gone" in caplog.text
