"""Buttons that are watched: opened, read, lost, and opened again."""

from __future__ import annotations

import time
from collections.abc import Callable

from agent.core.ring.press_detector import Press
from agent.doorbell.button_line import ButtonFailed, ButtonLine, Changed
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.button_watch import ButtonWatch
from tests.waiting import until

FRONT = ButtonSettings(name="front", gpio=17)
BY_HAND = ButtonSettings(name="back")


class FakeLine:
    """`close` is counted."""

    def __init__(self) -> None:
        self.pressed = False
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Heard:
    """What a listener was told, and the lines that were opened; `fails` is how often none is."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.did: list[tuple[str, Press]] = []
        self.failed: list[str | None] = []
        self.lines: list[FakeLine] = []

    def button_did(self, button: str, what: Press) -> None:
        self.did.append((button, what))

    def button_failed(self, _button: str, reason: str | None) -> None:
        self.failed.append(reason)

    def open(
        self, settings: ButtonSettings, changed: Changed, gone: Callable[[], None]
    ) -> ButtonLine:
        assert settings is FRONT
        if self.fails:
            self.fails -= 1
            raise ButtonFailed("taken")
        self.changed, self.gone = changed, gone
        self.lines.append(FakeLine())
        return self.lines[-1]


async def test_press_is_told_once_it_counts() -> None:
    heard = Heard()
    async with ButtonWatch((FRONT, BY_HAND), heard, open_line=heard.open):
        heard.changed(True, time.monotonic())
        await until(lambda: heard.did == [("front", Press.PRESSED)])
    assert [each.closed for each in heard.lines] == [1]


async def test_button_that_cannot_be_opened_is_tried_again() -> None:
    heard = Heard(fails=2)
    async with ButtonWatch((FRONT,), heard, open_line=heard.open, retry=0.01):
        await until(lambda: len(heard.lines) == 1)
    assert heard.failed == ["taken", "taken", None]


async def test_keypad_that_was_pulled_works_when_it_is_back() -> None:
    heard = Heard()
    async with ButtonWatch((FRONT,), heard, open_line=heard.open, retry=0.01):
        heard.gone()
        await until(lambda: len(heard.lines) == 2)
        heard.changed(True, time.monotonic())
        await until(lambda: heard.did == [("front", Press.PRESSED)])
    assert heard.failed == [None, "it was pulled", None]


async def test_press_while_a_chime_is_driven_counts_for_nothing() -> None:
    heard = Heard()
    async with ButtonWatch((FRONT,), heard, open_line=heard.open) as watch:
        watch.blank(3600)
        heard.changed(True, time.monotonic() - 1.0)
        heard.changed(False, time.monotonic())
    assert heard.did == []
