"""What is to be done about a queue in the network that arrivals show, or show not to be there.

A queue that stood between two reports tells the capacity; where there is none, what other signals
take for one is somebody's lateness; a long one is left to drain, as pictures in it only grow old.
The controller acts on the verdicts. Pure: time is an argument.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from agent.core.rate.arrivals import Arrival, Arrivals
from agent.core.rate.rate_options import BitrateOptions
from agent.core.rate.rate_signals import Losses


@dataclass(frozen=True, slots=True)
class Holds:
    """The path holds `capacity` and no more; at `bitrate` the queue drains. bit/s."""

    capacity: float
    bitrate: float


@dataclass(frozen=True, slots=True)
class Carried:
    """The network has just carried it, and nothing waits. bit/s, less what is no video."""

    bitrate: float


class QueueJudge:
    """Judges each report of the highest sequence number that arrived."""

    def __init__(self, options: BitrateOptions, losses: Losses) -> None:
        # told what was sent
        self.arrivals = Arrivals(options)
        self._options = options
        self._losses = losses
        self._arrival: Arrival | None = None  # the last one
        self._arrived_at = -math.inf
        self._pause: float | None = None
        self._paused_at = -math.inf

    def report(
        self, now: float, lateness: float, highest: int | None, lost: int | None, path: float | None
    ) -> None:
        """`path` is the shortest round trip. What is not known is None, and then the report tells
        nothing.
        """
        if highest is None or lost is None or path is None:
            return
        arrival = self.arrivals.report(now - lateness, highest, lost, path)
        if arrival is not None:
            self._arrival, self._arrived_at = arrival, now

    def judge(
        self, now: float, target: float, decreased_at: float, round_trip: float
    ) -> Holds | Carried | None:
        """Of the report that has just come."""
        arrival, options = self._arrival, self._options
        if arrival is None or self._arrived_at != now:
            return None
        if arrival.severe and arrival.overload and arrival.share < options.pause_share:
            self._let_drain(now, arrival)
        if not arrival.queued:
            return self._carried(arrival, decreased_at)
        stood = arrival.stood and (arrival.severe or arrival.overload)
        # the queue is younger than the older report: no more than this fits
        younger = arrival.busy and arrival.severe and arrival.overload and arrival.rate < target
        return self._holds(arrival, target, decreased_at + round_trip) if stood or younger else None

    def is_short(self, now: float, longest: float | None = None) -> bool:
        """Whether arrivals are known, and show no queue of more seconds than this;
        `arrival_threshold` by default.
        """
        options, arrival = self._options, self._arrival
        return (
            arrival is not None
            and now - self._arrived_at < options.report_age
            and arrival.standing <= (options.arrival_threshold if longest is None else longest)
            and not arrival.severe
            and self._losses.excess <= options.loss_low
        )

    def is_empty(self, now: float) -> bool:
        """Whether no queue stands in the network: what points to one is then somebody's
        lateness.
        """
        return self.is_short(now, self._options.arrival_clear)

    def take_pause(self) -> float | None:
        """Seconds for which no picture should leave, once."""
        pause, self._pause = self._pause, None
        return pause

    def _holds(self, arrival: Arrival, target: float, settled: float) -> Holds | None:
        """What arrives, less what drains the queue."""
        options = self._options
        # part of it was sent before the last decrease
        stale = arrival.since < settled
        if stale and arrival.rate > options.delay_decrease * target:
            return None
        drain = max(options.drain_floor, options.fit_margin - arrival.delay / options.drain_time)
        return Holds(arrival.rate, drain * arrival.rate)

    def _carried(self, arrival: Arrival, decreased_at: float) -> Carried | None:
        if arrival.since < decreased_at or self._losses.fraction > self._options.arrival_loss:
            return None
        return Carried(self._options.arrival_margin * arrival.rate)

    def _let_drain(self, now: float, arrival: Arrival) -> None:
        """A key frame shows what is then."""
        options = self._options
        if (
            arrival.delay > options.pause_delay
            and now - self._paused_at > 2 * options.pause_longest
        ):
            self._paused_at = now
            self._pause = min(arrival.delay, options.pause_longest)
