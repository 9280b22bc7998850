"""The delay-based controller (draft-ietf-rmcat-gcc section 5), as far as arrivals tell of a queue.

A queue that stood between two reports tells the capacity; where there is none, what other signals
take for one is a receiver or a machine that was late; a long one is left to drain, as pictures in
it only grow old. The controller acts on the verdicts. Pure: time is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agent.core.rate.aimd import AIMD
from agent.core.rate.arrivals import Arrival, Arrivals
from agent.core.rate.feedback_timeout import REPORT_AGE
from agent.core.rate.loss_meter import LossMeter
from agent.core.rate.receiver_report import ReceiverReport
from agent.core.rate.transport_arrivals import TransportArrivals


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayBasedOptions:
    """Seconds; the rest are fractions."""

    # of waiting that is no queue but a picture's own packets
    clear: float = 0.02
    # of the target: closer to it a measured capacity changes nothing
    fits: float = 0.92
    # of what arrived, which counts headers and what was resent
    margin: float = 0.95
    # a longer queue is left to drain, and a key frame follows: it shows sooner what is now
    pause_delay: float = 0.25
    # of what there was to carry: less has arrived, and the queue is filled still
    pause_share: float = 0.7
    # of a pause, at most: a frozen picture is seen
    pause_longest: float = 0.5


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """The path holds `capacity` and no more; at `bitrate` the queue drains. bit/s."""

    capacity: float
    bitrate: float


@dataclass(frozen=True, slots=True)
class NoQueueSeen:
    """The network has just carried it, and nothing waits. bit/s, less what is no video."""

    bitrate: float


class DelayBasedController:
    """Judges each report of the highest sequence number that arrived."""

    def __init__(self, losses: LossMeter, options: DelayBasedOptions | None = None) -> None:
        # the sender reports its packets to it
        self.arrivals = Arrivals()
        # the same by transport-wide feedback, where there is any
        self.transport = TransportArrivals()
        self._told_at = -math.inf
        self._losses = losses
        self.options = options or DelayBasedOptions()
        self._last_arrival: Arrival | None = None
        self._arrived_at = -math.inf
        self._pause: float | None = None
        self._paused_at = -math.inf

    def report(self, now: float, report: ReceiverReport, path: float | None) -> None:
        """`path` is the shortest round trip. What is not known is None, and then the report tells
        nothing.
        """
        highest, lost = report.highest_sequence, report.packets_lost
        if self.is_told(now):
            return
        if highest is None or lost is None or path is None:
            return
        arrival = self.arrivals.report(now - report.lateness, highest, lost, path)
        if arrival is not None:
            self._last_arrival, self._arrived_at = arrival, now

    def told(self, now: float, first: int, arrivals: Sequence[float | None]) -> None:
        """Transport-wide feedback: it takes the place of the reports."""
        self._told_at = now
        arrival = self.transport.feedback(now, first, arrivals)
        if arrival is not None:
            self._last_arrival, self._arrived_at = arrival, now

    def is_told(self, now: float) -> bool:
        """Whether there is transport-wide feedback."""
        return now - self._told_at < REPORT_AGE

    def judge(
        self, now: float, target: float, decreased_at: float, round_trip: float
    ) -> QueueSeen | NoQueueSeen | None:
        """Of the report that has just come."""
        arrival, options = self._last_arrival, self.options
        if arrival is None or self._arrived_at != now:
            return None
        if arrival.severe and arrival.overload and arrival.share < options.pause_share:
            self._pause_sending(now, arrival)
        if not arrival.queued:
            # where each packet is told of, moments are short and probes are in them
            told = self.is_told(now)
            return None if told else self._no_queue_seen(arrival, decreased_at)
        stood = arrival.stood and (arrival.severe or arrival.overload)
        # the queue is younger than the older report: no more than this fits
        younger = arrival.busy and arrival.severe and arrival.overload and arrival.rate < target
        return (
            self._queue_seen(arrival, target, decreased_at + round_trip)
            if stood or younger
            else None
        )

    def is_short(self, now: float, longest: float | None = None) -> bool:
        """Whether arrivals are known, and show no queue of more seconds than this;
        `threshold` by default.
        """
        arrival = self._last_arrival
        return (
            arrival is not None
            and now - self._arrived_at < REPORT_AGE
            and arrival.standing
            <= (self.arrivals.options.threshold if longest is None else longest)
            and not arrival.severe
            and self._losses.low
        )

    def is_empty(self, now: float) -> bool:
        """Whether no queue stands in the network: what points to one is then a machine that was
        late.
        """
        return self.is_short(now, self.options.clear)

    def knows_queue(self, now: float) -> bool:
        """Whether round trips tell nothing of the queue that is not known better: there is none, or
        feedback on each packet has seen a long one.
        """
        long = self.is_told(now) and not self.is_short(now, self.arrivals.options.severe)
        return long or self.is_empty(now)

    def take_pause(self) -> float | None:
        """Seconds for which no picture should leave, once."""
        pause, self._pause = self._pause, None
        return pause

    def _queue_seen(self, arrival: Arrival, target: float, settled: float) -> QueueSeen | None:
        """What arrives, less what drains the queue."""
        # part of it was sent before the last decrease
        stale = arrival.since < settled
        if stale and arrival.rate > AIMD.beta * target:
            return None
        drain = max(AIMD.drain_floor, AIMD.fit_margin - arrival.delay / AIMD.drain_time)
        return QueueSeen(arrival.rate, drain * arrival.rate)

    def _no_queue_seen(self, arrival: Arrival, decreased_at: float) -> NoQueueSeen | None:
        if arrival.since < decreased_at or self._losses.fraction > self.arrivals.options.loss:
            return None
        return NoQueueSeen(self.options.margin * arrival.rate)

    def _pause_sending(self, now: float, arrival: Arrival) -> None:
        """A key frame shows what is then."""
        options = self.options
        if (
            arrival.delay > options.pause_delay
            and now - self._paused_at > 2 * options.pause_longest
        ):
            self._paused_at = now
            self._pause = min(arrival.delay, options.pause_longest)
