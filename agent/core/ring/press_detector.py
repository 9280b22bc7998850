"""What counts as a press: a level that stands, for long enough, and not for too long.

Edges come in the order of their times. A level counts once it has stood for `stable` seconds: what
is shorter never happened, in either direction. A press lasts from the edge with which its level
began to stand to the one with which the level of rest did.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Press(StrEnum):
    """What a button has done."""

    PRESSED = "pressed"
    # for so long that it means something else
    HELD = "held"
    # for so long that nobody holds it
    STUCK = "stuck"
    # it was stuck, and was let go
    FREE = "free"


@dataclass(frozen=True, slots=True)
class PressTimes:
    """Seconds. `hold`: from when on a press is a long one; None: there are no long presses."""

    stable: float = 0.03
    shortest: float = 0.06
    hold: float | None = None
    stuck: float = 30.0


class PressDetector:
    """Of one button. `at` and `now` are in seconds of a clock that is never set.

    A button that is pressed when it is first seen has not been pressed by anybody: it may become
    stuck, and counts from its next press on.
    """

    def __init__(self, times: PressTimes | None = None, *, pressed: bool, at: float) -> None:
        self._times = times or PressTimes()
        # as it is now, and since when
        self._raw = pressed
        self._raw_since = at
        # as it has stood; `_since` is when that level began to stand
        self._level = pressed
        self._since = at
        # what the press that is under way has been counted as; one that counts for nothing is over
        self._told: Press | None = None
        self._void = pressed
        self._blank_until = at

    def edge(self, pressed: bool, at: float) -> list[Press]:
        """The level is another one since `at`; what has come of what was before."""
        found = self.advance(at)
        if pressed is not self._raw:
            self._raw, self._raw_since = pressed, at
        return found + self.advance(at)

    def blank(self, until: float) -> None:
        """A press that begins before `until` counts for nothing: a chime is driven on the same
        wires.
        """
        self._blank_until = max(self._blank_until, until)

    def advance(self, now: float) -> list[Press]:
        """What has come of the levels so far."""
        found: list[Press] = []
        if self._raw is not self._level and now >= self._raw_since + self._times.stable:
            found += self._begin() if self._raw else self._end()
        if self._level and self._raw:
            found += self._grow(now)
        return found

    def next_deadline(self) -> float | None:
        """When `advance` is due, unless an edge comes before."""
        if self._raw is not self._level:
            return self._raw_since + self._times.stable
        if not self._level:
            return None
        lengths = [length for length, kind in self._marks() if self._comes(kind)]
        return self._since + min(lengths) if lengths else None

    def _begin(self) -> list[Press]:
        self._level, self._since, self._told = True, self._raw_since, None
        self._void = self._since < self._blank_until
        return []

    def _end(self) -> list[Press]:
        long_enough = self._raw_since >= self._since + self._times.shortest
        told, self._told, self._level = self._told, None, False
        self._since = self._raw_since
        if told is Press.STUCK:
            return [Press.FREE]
        short = told is None and not self._void and long_enough
        return [Press.PRESSED] if short else []

    def _marks(self) -> list[tuple[float, Press]]:
        """From which length on a press is what."""
        times = self._times
        first = (times.shortest, Press.PRESSED) if times.hold is None else (times.hold, Press.HELD)
        return [(max(first[0], times.stable), first[1]), (times.stuck, Press.STUCK)]

    def _comes(self, kind: Press) -> bool:
        """Whether the press under way may still become that."""
        if kind is Press.STUCK:
            return self._told is not Press.STUCK
        return self._told is None and not self._void

    def _grow(self, now: float) -> list[Press]:
        found = []
        for mark, kind in self._marks():
            if now >= self._since + mark and self._comes(kind):
                self._told = kind
                found.append(kind)
        return found
