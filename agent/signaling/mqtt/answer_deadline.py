"""Until when the broker must give a sign of life."""

from __future__ import annotations

import math

# seconds, after a ping, or after a message that is to be acknowledged
TIMEOUT = 10.0


class AnswerDeadline:
    """The event loop and the network thread both ask; times are `time.monotonic()`."""

    def __init__(self) -> None:
        self._asked_at: float | None = None

    @property
    def due(self) -> float:
        """When an answer is overdue; never, while none is owed."""
        # the other thread may change it at any time
        asked_at = self._asked_at
        return math.inf if asked_at is None else asked_at + TIMEOUT

    def ask(self, now: float) -> None:
        """Something was sent that has to be answered. The first such counts."""
        if self._asked_at is None:
            self._asked_at = now

    def heard(self) -> None:
        """Anything arrived, or nothing is owed after all."""
        self._asked_at = None
