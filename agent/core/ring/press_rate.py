"""How often a button rings: presses of one visit are one, and beyond a rate nobody is called."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

# seconds from the first press: what comes within them belongs to it
ONE_VISIT = 5.0
# seconds between two events that tell of presses beyond the rate
TELL_EVERY = 60.0


class Judgement(StrEnum):
    """What a press comes to."""

    RINGS = "rings"
    # it belongs to one before
    REPEATED = "repeated"
    # beyond the rate; with a count it is told
    TOO_MANY = "too many"


@dataclass(frozen=True, slots=True)
class Judged:
    """`count`: the presses beyond the rate that are to be told of now; 0: nothing is."""

    judgement: Judgement
    count: int = 0


class PressRate:
    """Of one button: at most `limit` rings in `window` seconds. `now` is in seconds of a clock that
    is never set.
    """

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._rings: deque[float] = deque()
        self._last: float | None = None
        self._told_at: float | None = None
        self._untold = 0

    def press(self, now: float) -> Judged:
        """Count a press."""
        if self._last is not None and now - self._last < ONE_VISIT:
            return Judged(Judgement.REPEATED)
        self._last = now
        while self._rings and self._rings[0] <= now - self._window:
            self._rings.popleft()
        if len(self._rings) < self._limit:
            self._rings.append(now)
            return Judged(Judgement.RINGS)
        self._untold += 1
        return Judged(Judgement.TOO_MANY, self._take(now))

    def advance(self, now: float) -> int:
        """The presses beyond the rate that are to be told of now."""
        return self._take(now)

    def next_deadline(self) -> float | None:
        """When `advance` has something to tell."""
        if not self._untold or self._told_at is None:
            return None
        return self._told_at + TELL_EVERY

    def _take(self, now: float) -> int:
        if not self._untold or (self._told_at is not None and now - self._told_at < TELL_EVERY):
            return 0
        count, self._untold, self._told_at = self._untold, 0, now
        return count
