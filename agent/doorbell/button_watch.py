"""Watches the buttons of a device, and says what counts as a press."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from agent.core.ring.press_detector import Press, PressDetector
from agent.doorbell.button_line import ButtonFailed, ButtonLine, Changed
from agent.doorbell.button_settings import ButtonSettings
from agent.doorbell.evdev_button import EvdevButton
from agent.doorbell.gpio_button import GpioButton

logger = logging.getLogger(__name__)

# seconds between two attempts to open a button that is gone, or was never there
RETRY = 2.0

OpenLine = Callable[[ButtonSettings, Changed, Callable[[], None]], ButtonLine]


class ButtonListener(Protocol):
    """Who is told. Called on the event loop."""

    def button_did(self, button: str, what: Press, /) -> None: ...

    def button_failed(self, button: str, reason: str | None, /) -> None:
        """It cannot be read, and why; None: it can, again."""


def open_line(settings: ButtonSettings, changed: Changed, gone: Callable[[], None]) -> ButtonLine:
    """By its kind. Raises ButtonFailed."""
    if settings.evdev:
        return EvdevButton(settings, changed, gone)
    return GpioButton(settings, changed)


@dataclass(slots=True)
class _Watched:
    settings: ButtonSettings
    line: ButtonLine | None = None
    detector: PressDetector | None = None
    timer: asyncio.TimerHandle | None = None


class ButtonWatch:
    """An async context: buttons with a line are read while it is open. One that cannot be opened is
    tried again.
    """

    def __init__(
        self,
        buttons: Iterable[ButtonSettings],
        listener: ButtonListener,
        *,
        open_line: OpenLine = open_line,
        retry: float = RETRY,
    ) -> None:
        self._watched = [_Watched(each) for each in buttons if each.gpio is not None or each.evdev]
        self._listener = listener
        self._open_line = open_line
        self._retry = retry
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        for each in self._watched:
            self._open(each)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop = None
        for each in self._watched:
            if each.timer is not None:
                each.timer.cancel()
            if each.line is not None:
                each.line.close()

    def blank(self, seconds: float) -> None:
        """What begins in this time is no press: a chime is driven beside the wires."""
        for each in self._watched:
            if each.detector is not None:
                each.detector.blank(time.monotonic() + seconds)

    def _open(self, watched: _Watched) -> None:
        """Its first level is no press."""
        name = watched.settings.name
        changed = partial(self._from_thread, self._changed, watched)
        gone = partial(self._from_thread, self._gone, watched)
        try:
            watched.line = self._open_line(watched.settings, changed, gone)
        except ButtonFailed as error:
            self._listener.button_failed(name, str(error))
            self._later(watched, self._retry, self._open)
            return
        now = time.monotonic()
        watched.detector = PressDetector(
            watched.settings.times, pressed=watched.line.pressed, at=now
        )
        self._listener.button_failed(name, None)
        self._advance(watched)

    def _changed(self, watched: _Watched, pressed: bool, at: float) -> None:
        if watched.detector is not None:
            self._tell(watched, watched.detector.edge(pressed, at))

    def _gone(self, watched: _Watched) -> None:
        watched.line, watched.detector = None, None
        self._listener.button_failed(watched.settings.name, "it was pulled")
        self._later(watched, self._retry, self._open)

    def _advance(self, watched: _Watched) -> None:
        if watched.detector is not None:
            self._tell(watched, watched.detector.advance(time.monotonic()))

    def _tell(self, watched: _Watched, found: list[Press]) -> None:
        for each in found:
            self._listener.button_did(watched.settings.name, each)
        due = None if watched.detector is None else watched.detector.next_deadline()
        if due is not None:
            self._later(watched, max(0.0, due - time.monotonic()), self._advance)

    def _later(
        self, watched: _Watched, seconds: float, function: Callable[[_Watched], None]
    ) -> None:
        if watched.timer is not None:
            watched.timer.cancel()
        if self._loop is not None:
            watched.timer = self._loop.call_later(seconds, function, watched)

    def _from_thread(self, function: Callable[..., None], *arguments: object) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                # the loop may have closed
                loop.call_soon_threadsafe(function, *arguments)
