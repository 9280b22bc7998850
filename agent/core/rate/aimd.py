"""The rate controller (AIMD, draft-ietf-rmcat-gcc 5.5): how far down, and how fast up again.

Down to what was seen to fit. Up quickly below the capacity that the last decrease revealed,
creeping near it, and ever faster where none is known: beyond it the capacity is forgotten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from agent.core.rate.bitrate_limits import BitrateLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class AimdOptions:
    """Growth is a fraction a second; seconds; the rest are factors."""

    # the draft's beta
    beta: float = 0.85
    # under the draft's 0.08: near the last capacity, and to begin with
    growth: float = 0.05
    # below that capacity, or after `ramp` seconds without trouble
    growth_fast: float = 0.20
    # several reports must have been good before growth is fast
    ramp: float = 6.0
    # the draft's: to begin with where reports name what arrived, and nothing waits
    growth_seen: float = 0.08
    # a queue would be seen as it begins
    ramp_seen: float = 4.0
    # of these, where no REMB would tell of a queue before the next report does
    blind: float = 0.8
    # of the capacity: the neighborhood that is crossed slowly
    near_low: float = 0.85
    # a capacity is measured to within a fifth; passing this it was another one
    near_high: float = 1.2
    # closer than this (or its inverse) to the known one: measured again, and averaged
    capacity_same: float = 0.75
    # of the new measurement: about the last three count
    capacity_weight: float = 0.3
    # plus a round trip: see what it did first
    hold_after_decrease: float = 1.0
    # grow no further over what is sent: an unused rate is untested
    sent_slack: float = 1.5
    # of what was seen to fit: targets leave out headers
    fit_margin: float = 0.95
    # a standing queue should be gone in about this time
    drain_time: float = 3.0
    # of the capacity: a picture remains while it drains
    drain_floor: float = 0.55


AIMD = AimdOptions()


class AimdController:
    """`estimate` moves smoothly between the limits (bit/s); `cause` is that of its last move.

    `capacity` is what the path held at the last decrease, in bit/s; None while unknown.
    """

    def __init__(self, limits: BitrateLimits, options: AimdOptions = AIMD) -> None:
        self.options = options
        self.estimate = float(limits.bitrate)
        self.cause = "start"
        self.capacity: float | None = None
        self.decreased_at = -math.inf
        self._limits = limits
        # the time without trouble
        self._calm_since: float | None = None

    def decrease(
        self, now: float, bitrate: float, capacity: float | None, *, arrives: float | None = None
    ) -> None:
        """Down to `bitrate`, never up. `arrives` was measured by the remote peer: better than our
        guesses, which lag behind the queue.
        """
        self.interrupt()
        self.decreased_at = now
        if arrives is not None:
            capacity = max(capacity or 0.0, arrives / self.options.beta)
            bitrate = max(bitrate, self.options.drain_floor * capacity)
        self.capacity = capacity
        self.estimate = max(self._limits.min_bitrate, min(self.estimate, bitrate))

    def resume(self, bitrate: float, capacity: float) -> None:
        """Up to `bitrate` at once: what came in between was no sight of the path."""
        self.interrupt()
        self.decreased_at = -math.inf
        self.capacity = max(self.capacity or 0.0, capacity)
        self.estimate = min(self._limits.max_bitrate, bitrate)
        self.cause = "outage over"

    def found(self, bitrate: float, *, whole: bool) -> None:
        """A probe has shown that this fits. `whole`: all of it did, and the capacity is not
        known.
        """
        self.estimate = min(float(self._limits.max_bitrate), bitrate)
        self.capacity = None if whole else max(self.capacity or 0.0, bitrate)
        self.cause = "probe"

    def capacity_near(self, measured: float) -> float:
        """Averaged with what was known if it is about the same: one measurement is a rough one."""
        options, known = self.options, self.capacity
        if (
            known is None
            or not options.capacity_same <= measured / known <= 1 / options.capacity_same
        ):
            return measured
        return known + options.capacity_weight * (measured - known)

    def drained(self, queue_delay: float) -> float | None:
        """bit/s at which so many seconds of queue drain; None while the capacity is unknown.
        Absolute, so that reports of one queue do not add up.
        """
        if self.capacity is None:
            return None
        options = self.options
        return self.capacity * max(options.drain_floor, 1 - queue_delay / options.drain_time)

    def interrupt(self) -> None:
        """The next growth starts again from the slow end of the ramp."""
        self._calm_since = None

    def increase(
        self,
        now: float,
        elapsed: float,
        limit: float,
        *,
        empty: bool,
        remb: bool,
        headroom: float,
    ) -> bool:
        """Grow for `elapsed` seconds up to `limit`; whether it did.

        `empty`: no queue, as arrivals tell; else `headroom` 0..1 does, and perhaps a REMB.
        """
        if self.capacity is not None and self.estimate > self.options.near_high * self.capacity:
            self.capacity = None
            self.interrupt()
        if self._calm_since is None:
            self._calm_since = now
        growth = self._growth(now - self._calm_since, empty=empty, remb=remb, headroom=headroom)
        grown = min(float(self._limits.max_bitrate), limit, self.estimate * (1 + growth) ** elapsed)
        if grown <= self.estimate:
            return False
        self.estimate = grown
        return True

    def _growth(self, calm: float, *, empty: bool, remb: bool, headroom: float) -> float:
        """Of itself a second."""
        options = self.options
        if self.capacity is None and empty:
            return self._ramp(calm, options.growth_seen, options.ramp_seen)
        if self.capacity is None:
            growth = self._ramp(calm, options.growth, options.ramp)
        elif self.estimate > options.near_low * self.capacity:
            growth = options.growth
        else:
            return options.growth_fast
        return growth * (1.0 if remb else options.blind) * headroom

    def _ramp(self, calm: float, slow: float, seconds: float) -> float:
        return slow + min(1.0, calm / seconds) * (self.options.growth_fast - slow)
