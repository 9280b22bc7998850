"""Which subscription a broker ends the connection for, or leaves unanswered, instead of refusing
it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

logger = logging.getLogger(__name__)

# ends of the connection behind one SUBSCRIBE
MAX_LOSSES = 2
# seconds until one that is left out is asked for once more, on a new connection
RETRY = 600.0
CUT = "the broker ends the connection for it"
UNANSWERED = "the broker does not answer it"


class SubscriptionSuspects:
    """Times in seconds, on a clock that does not jump. Filters of one client, so few."""

    def __init__(self) -> None:
        self._losses_together = 0
        self._losses: dict[str, int] = {}
        # until when, and why
        self._left_out: dict[str, tuple[float, str]] = {}
        # ask for one filter at a time
        self.one_by_one = False

    def begin(self, filters: Iterable[str], now: float) -> dict[str, str]:
        """A connection on which these are wanted: those that are left out, with the reason."""
        out = {
            name: self._left_out[name][1]
            for name in filters
            if name in self._left_out and now < self._left_out[name][0]
        }
        if any(name in self._left_out and name not in out for name in filters):
            # what has cost connections is tried where it cannot be mistaken
            self.one_by_one = True
        return out

    def lost(self, waiting: Sequence[str], now: float) -> None:
        """The connection ended while these were not answered."""
        if not self.one_by_one:
            self._losses_together += 1
            self.one_by_one = self._losses_together >= MAX_LOSSES
            return
        for name in waiting[:1]:
            self._losses[name] = self._losses.get(name, 0) + 1
            if self._losses[name] >= MAX_LOSSES:
                # the next loss for it is enough
                self._losses[name] = MAX_LOSSES - 1
                self._leave_out(name, CUT, now)

    def timed_out(self) -> None:
        """All that was asked for together was not answered."""
        self.one_by_one = True

    def unanswered(self, name: str, now: float) -> None:
        """By itself it was not answered, while others were."""
        self._leave_out(name, UNANSWERED, now)

    def answered(self, name: str) -> None:
        """The broker has consented to it, or has refused it in good order."""
        self._losses.pop(name, None)
        self._left_out.pop(name, None)

    def all_answered(self) -> None:
        """Nothing is waited for any more."""
        self._losses_together, self.one_by_one = 0, False

    def _leave_out(self, name: str, why: str, now: float) -> None:
        self._left_out[name] = (now + RETRY, why)
        logger.error("the subscription to %s is left out: %s", name, why)
