"""Outages: holes of the whole path, in which nothing passes either way.

What is lost or late in one tells nothing of what the path holds. So what is reported of it counts
for nothing, and the rate from before comes back at once. A queue that shows afterwards lowers it as
always. Pure: time is an argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageOptions:
    """Seconds; `keep` and `keep_long` are factors."""

    # without feedback of any kind: reports come once a second, with half a second of chance
    silence: float = 1.6
    # of sending, of which not one packet arrived: the narrowest bottleneck lets some of it pass
    run: float = 0.5
    # after the first feedback: requests for what the outage lost
    settle: float = 1.1
    # after it: the remote peer's estimate is of the outage. Chromium begins anew
    remb: float = 4.0
    # for reports, if none of them names a packet that left after the outage
    reports: float = 4.0
    # of leaving before the first feedback: it is none of the outage's
    fresh: float = 0.5
    # of the rate before
    keep: float = 0.85
    # after a long one the path may be another
    keep_long: float = 0.5
    long: float = 10.0


@dataclass(frozen=True, slots=True)
class Outage:
    """Times are of the last feedback before it, and of the first behind it. `bitrate` is the target
    before it; None where nothing but the time is known.
    """

    began: float
    ended: float
    bitrate: float | None = None


class OutageDetector:
    """Feed it each feedback before anything else reads it."""

    def __init__(self, options: OutageOptions | None = None) -> None:
        self.options = options or OutageOptions()
        # when feedback came last, and the target of then
        self._heard_at: float | None = None
        self._target = 0.0
        self._ended_at = -math.inf
        # whether a report is yet to come that tells of the outage
        self._report_due = False

    def heard(self, now: float, target: float) -> Outage | None:
        """Feedback of any kind, and the target of now; the outage that it ends."""
        outage = self.lasting(now)
        self._heard_at, self._target = now, target
        if outage is not None:
            self.end(now)
        return outage

    def lost(self, now: float, first: float | None, last: float | None) -> Outage | None:
        """All that left between these two times is asked for again, and what left next has
        arrived; the outage that this tells of.
        """
        if first is None or last is None or last - first < self.options.run:
            return None
        if self.settling(now):
            return None
        self.end(now)
        return Outage(first, now)

    def lasting(self, now: float) -> Outage | None:
        """The one that has begun and not ended: nothing was heard for too long."""
        began = self._heard_at
        is_silent = began is not None and now - began >= self.options.silence
        return Outage(began, now, self._target) if began is not None and is_silent else None

    @property
    def begun(self) -> bool:
        """Whether there was anything before: feedback, or an outage that was told."""
        return self._heard_at is not None or self._ended_at > -math.inf

    def end(self, now: float) -> None:
        """One is over: reports that are yet to come may tell of it."""
        self._ended_at, self._report_due = now, True

    def keeps(self, outage: Outage) -> float:
        """Of the rate before it, how much is right after it."""
        is_long = outage.ended - outage.began > self.options.long
        return self.options.keep_long if is_long else self.options.keep

    def settling(self, now: float) -> bool:
        """Whether what is asked for again was lost in an outage."""
        return now - self._ended_at < self.options.settle

    def taints_remb(self, now: float) -> bool:
        return now - self._ended_at < self.options.remb

    def taints_report(self, now: float, left_at: float | None) -> bool:
        """Whether this report tells of an outage; `left_at`: when the newest packet that it names
        left. The first that names one from after the outage is the last that does.
        """
        elapsed = now - self._ended_at
        if not self._report_due or elapsed >= self.options.reports:
            self._report_due = False
            return False
        if left_at is None:
            self._report_due = elapsed < self.options.settle
        else:
            self._report_due = left_at < self._ended_at - self.options.fresh
        return True
