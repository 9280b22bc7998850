"""How often the buttons of a device ring, and who tells of the presses beyond that."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable

from agent.core.policy.call_rate import CallRate
from agent.core.ring.press_rate import Judged, Judgement, PressRate


class PressLimits:
    """`tell(button, count)` is called for the presses beyond `rate`, once a minute for each button.
    `monotonic` is a clock that is never set. Belongs to the event loop.
    """

    def __init__(
        self,
        buttons: Iterable[str],
        rate: CallRate,
        tell: Callable[[str, int], object],
        monotonic: Callable[[], float],
    ) -> None:
        self._rates = {name: PressRate(rate.calls, rate.window) for name in buttons}
        self._tell = tell
        self._monotonic = monotonic
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def press(self, button: str) -> Judged:
        """What a press comes to; it is told of where it is time for that."""
        now = self._monotonic()
        judged = self._rates[button].press(now)
        if judged.judgement is Judgement.TOO_MANY:
            self._told(button, judged.count)
        return judged

    def close(self) -> None:
        """Tell what has not been told, and nothing more."""
        for timer in self._timers.values():
            timer.cancel()
        for button, rate in self._rates.items():
            self._say(button, rate.advance(math.inf))

    def _told(self, button: str, count: int) -> None:
        self._say(button, count)
        timer = self._timers.pop(button, None)
        if timer is not None:
            timer.cancel()
        due = self._rates[button].next_deadline()
        if due is not None:
            loop, left = asyncio.get_running_loop(), max(0.0, due - self._monotonic())
            self._timers[button] = loop.call_later(left, self._due, button)

    def _due(self, button: str) -> None:
        self._timers.pop(button, None)
        self._told(button, self._rates[button].advance(self._monotonic()))

    def _say(self, button: str, count: int) -> None:
        if count:
            self._tell(button, count)
