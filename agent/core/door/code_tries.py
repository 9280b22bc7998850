"""How often a code may be guessed (PROTOCOL 3)."""

from __future__ import annotations

from collections import deque

# seconds in which wrong codes count
WINDOW = 600.0
# of one uid, and of all; whoever reaches it is locked out until the first of them is forgotten
MOST_OF_ONE = 3
MOST_OF_ALL = 10


class CodeTries:
    """Wrong codes of the last ten minutes. `now` is in seconds of a clock that is never set."""

    def __init__(self) -> None:
        # when, and who: at most `MOST_OF_ALL`, as nobody tries while all are locked out
        self._wrong: deque[tuple[float, str]] = deque()

    def locked(self, who: str, now: float) -> bool:
        """Whether `who` may not even try."""
        while self._wrong and self._wrong[0][0] <= now - WINDOW:
            self._wrong.popleft()
        own = sum(1 for _, each in self._wrong if each == who)
        return own >= MOST_OF_ONE or len(self._wrong) >= MOST_OF_ALL

    def wrong(self, who: str, now: float) -> None:
        """Count a wrong code of `who`."""
        self._wrong.append((now, who))
