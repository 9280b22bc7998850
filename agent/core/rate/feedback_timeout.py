"""Whether the remote peer still reports: no feedback is congestion of the worst kind (RFC 8083,
4.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

REPORT_AGE = 3.0
"""Seconds that a report counts: three missing, and growing would be blind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackTimeoutOptions:
    """Seconds, and a factor."""

    timeout: float = 4.0
    # about half in two intervals
    decrease: float = 0.7
    # between such steps: the picture survives a short gap
    interval: float = 2.0


class FeedbackTimeout:
    """When anything was heard, and when the last receiver report came."""

    def __init__(self, options: FeedbackTimeoutOptions | None = None) -> None:
        self.options = options or FeedbackTimeoutOptions()
        self._heard_at: float | None = None
        self._reported_at: float | None = None
        self._expired_at = -math.inf

    def heard(self, now: float) -> None:
        """Feedback of any kind."""
        self._heard_at = now

    def reported(self, now: float) -> None:
        """A receiver report."""
        self._reported_at = self._heard_at = now

    def has_report(self, now: float) -> bool:
        """Whether one came lately."""
        return self._reported_at is not None and now - self._reported_at <= REPORT_AGE

    def expired(self, now: float) -> bool:
        """Whether nothing was heard for too long; said once an `interval`. Silence from the start
        is none.
        """
        if self._heard_at is None or now - self._heard_at < self.options.timeout:
            return False
        if now - self._expired_at < self.options.interval:
            return False
        self._expired_at = now
        return True
