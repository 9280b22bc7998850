"""Fewer pictures a second, where a path carries less than `min_bitrate`, under which encoders are
not asked to go. Pure: time is an argument (seconds, any monotonic clock).
"""

from __future__ import annotations

from agent.core.rate.encoder_demand import MAX_FRAME_DIVISOR

SHORT_FOR = 2.0
"""Seconds from the first sign of shortage to the last, before a step down: about three reports."""
SETTLING = 4.0
"""Seconds from one step down to the next: the queue that told of the shortage has to drain first.
"""
SHORTAGE_AGE = 1.5
"""Seconds that a sign of shortage counts: one report, and its delay."""
FIRST_HOLD, LONGEST_HOLD = 5.0, 20.0
"""Seconds without shortage before a step up; twice as many to where the last one failed, each time
that it does.
"""
FAILS_WITHIN = 10.0
"""Seconds after a step up in which a shortage says that it was too early."""


class FrameDropper:
    """Of one conversation: the part of `min_bitrate` that its path holds, as a divisor of the frame
    rate.
    """

    def __init__(self) -> None:
        self.divisor = 1
        self._short_since: float | None = None
        self._changed_at = float("-inf")
        # the last step up, until it is known how it went
        self._tried_at: float | None = None
        # the divisor that was too small
        self._failed: int | None = None
        self._hold = FIRST_HOLD

    def update(self, now: float, short_at: float) -> bool:
        """Whether the divisor changed. `short_at`: when last less than `min_bitrate` was wanted;
        -inf: never.
        """
        before = self.divisor
        if now - short_at < SHORTAGE_AGE:
            self._step_down(now, short_at)
        else:
            self._step_up(now, short_at)
        if self._tried_at is not None and now - self._tried_at >= FAILS_WITHIN:
            self._tried_at = None
            if self.divisor == self._failed:
                self._failed, self._hold = None, FIRST_HOLD
        return self.divisor != before

    def _step_down(self, now: float, short_at: float) -> None:
        if self._short_since is None:
            self._short_since = short_at
        settled = now - self._changed_at >= SETTLING
        if (
            short_at - self._short_since < SHORT_FOR
            or not settled
            or self.divisor == MAX_FRAME_DIVISOR
        ):
            return
        if self._tried_at is not None:
            self._tried_at = None
            self._hold = (
                min(2 * self._hold, LONGEST_HOLD)
                if self.divisor == self._failed
                else 2 * FIRST_HOLD
            )
            self._failed = self.divisor
        self.divisor += 1
        self._changed_at = now

    def _step_up(self, now: float, short_at: float) -> None:
        self._short_since = None
        if self.divisor == 1:
            return
        hold = self._hold if self.divisor - 1 == self._failed else FIRST_HOLD
        if now - max(short_at, self._changed_at) >= hold:
            self.divisor -= 1
            self._changed_at = self._tried_at = now
