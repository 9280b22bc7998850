"""The queue at the bottleneck as round trips tell it: the overuse detector of
draft-ietf-rmcat-gcc section 5, with a round trip a second in place of arrival times.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTripOptions:
    """Seconds; the rest are factors."""

    # the shortest round trip of this long is the path without a queue
    base_window: float = 30.0
    # over the base: beyond the noise of Wi-Fi, under what a viewer notices
    threshold: float = 0.05
    # or this much of the base, on long paths, whose noise is larger
    threshold_ratio: float = 0.25
    # of the threshold: stop growing before having to back off
    hold_ratio: float = 0.6
    # a single long round trip is no queue, unless another signal agrees
    persistence: float = 0.4
    # over the base: no corroboration needed
    severe: float = 0.20
    # a change of round trip is not enough evidence for a deeper step
    decrease_floor: float = 0.50
    # seconds a second: it drains, leave it to
    falling: float = -0.02
    # a sender report travels once a second; faster is the same evidence
    decrease_interval: float = 1.0
    # jitter over its own floor, and over `jitter_floor`: agrees with a long round trip
    jitter_rise: float = 2.0
    # half a frame: below it jitter is the frames' own bursts
    jitter_floor: float = 0.015
    # so much less sent, and the round trip has not moved: it is the path's
    path_change_decrease: float = 0.6
    # of the round trip: less is no move
    path_change_same: float = 0.15


class OveruseDetector:
    """Round trips over the shortest one, in seconds. `change` is seconds of round trip a second,
    between the last two.
    """

    def __init__(self, options: RoundTripOptions | None = None) -> None:
        self.options = options or RoundTripOptions()
        self.round_trip = 0.0
        self.change = 0.0
        # rising round trips, oldest first
        self._minima: deque[tuple[float, float]] = deque()
        self._at = -math.inf
        self._above_since: float | None = None
        self._jitter_base: float | None = None
        self._jitter = 0.0
        # (target, round trip) at the first decrease
        self._episode: tuple[float, float] | None = None

    def add(self, now: float, round_trip: float) -> None:
        elapsed = now - self._at
        known = bool(self._minima)
        self.change = (round_trip - self.round_trip) / elapsed if known and elapsed > 0 else 0.0
        self._at, self.round_trip = now, round_trip
        while self._minima and self._minima[-1][1] >= round_trip:
            self._minima.pop()
        self._minima.append((now, round_trip))
        while self._minima[0][0] < now - self.options.base_window:
            self._minima.popleft()
        if self.excess <= self.threshold:
            self._above_since = None
        elif self._above_since is None:
            self._above_since = now

    def add_jitter(self, jitter: float) -> None:
        self._jitter = jitter
        if self._jitter_base is None or jitter < self._jitter_base:
            self._jitter_base = jitter
        else:
            # the floor follows a path that became worse, in about a minute
            self._jitter_base += (jitter - self._jitter_base) / 50

    @property
    def threshold(self) -> float:
        base = self._minima[0][1] if self._minima else 0.0
        return max(self.options.threshold, self.options.threshold_ratio * base)

    @property
    def base(self) -> float | None:
        """The path without a queue; None while unknown."""
        return self._minima[0][1] if self._minima else None

    @property
    def excess(self) -> float:
        """The queue."""
        return self.round_trip - self._minima[0][1] if self._minima else 0.0

    @property
    def clear(self) -> bool:
        return self.excess <= self.threshold * self.options.hold_ratio

    @property
    def headroom(self) -> float:
        """1 with no queue, 0 where growth has to stop."""
        return max(0.0, 1 - self.excess / (self.threshold * self.options.hold_ratio))

    def overusing(self, *, corroborated: bool) -> bool:
        """Whether the queue stands; `corroborated`: another signal agrees. An end of it ends the
        episode, too.
        """
        over = self._over(corroborated)
        if not over and self.clear:
            self._episode = None
        return over

    def _over(self, corroborated: bool) -> bool:
        if self._above_since is None:
            return False
        options = self.options
        jittery = self._jitter > options.jitter_floor and self._jitter > options.jitter_rise * (
            self._jitter_base or 0.0
        )
        persistent = self._at - self._above_since >= options.persistence
        return persistent or corroborated or jittery or self.excess > options.severe

    def delivered(self, beta: float) -> float | None:
        """The share of what was sent that got through while the queue grew; None where it did not
        grow enough to tell, or not by more than a step of `beta`.
        """
        share = 1 - self.change
        return max(self.options.decrease_floor, share) if share < beta else None

    def due(self, now: float, decreased_at: float) -> bool:
        """Whether a queue that stands asks for another step. Before, the sender report left before
        the last decrease.
        """
        settled = decreased_at + max(self.options.decrease_interval, self.round_trip)
        return self.change > self.options.falling and now >= settled

    def path_changed(self, target: float, *, lossless: bool) -> bool:
        """A long round trip that no decrease moves, without loss, is a longer path and not a queue.
        Asked before each decrease; where it is one, its round trip is the base from now on.
        """
        if self._episode is None:
            self._episode = target, self.round_trip
        before, round_trip = self._episode
        moved = abs(self.round_trip - round_trip)
        if (
            not lossless
            or target > self.options.path_change_decrease * before
            or moved >= self.options.path_change_same * round_trip
        ):
            return False
        self._minima = deque([(self._at, self.round_trip)])
        self._above_since = self._episode = None
        return True
