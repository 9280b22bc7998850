"""Until when the broker must give a sign of life."""

from __future__ import annotations

import math

# seconds, after a ping, or after a message that is to be acknowledged
TIMEOUT = 10.0
# seconds beyond the keep-alive, in which a ping is answered
GRACE = 10.0


class AnswerDeadline:
    """The event loop and the network thread both ask; times are `time.monotonic()`. `pace` is the
    keep-alive that we asked for, in seconds: a broker may want fewer pings, or none.
    """

    def __init__(self, pace: float = math.inf) -> None:
        self._pace = pace
        self._arrived_at = math.inf
        self._asked_at: float | None = None
        # half of the time is over, and it was asked once more
        self._doubted = False

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

    def arrived(self, now: float) -> None:
        """Anything at all, of the broker."""
        self._arrived_at = now
        self.heard()

    def quiet(self, now: float) -> bool:
        """Whether the broker has said nothing for so long that it should have been asked."""
        return self._asked_at is None and now - self._arrived_at > self._pace + GRACE

    def doubtful(self, now: float) -> bool:
        """Whether half of the time for an answer is over; once for each."""
        asked_at = self._asked_at
        if self._doubted or asked_at is None or now - asked_at < TIMEOUT / 2:
            return False
        self._doubted = True
        return True

    def heard(self) -> None:
        """Nothing is owed."""
        self._asked_at, self._doubted = None, False
