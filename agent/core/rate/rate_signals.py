"""What the bitrate controller reads: round trips as a queue, reports as loss, REMB as what it is.
Pure.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from agent.core.rate.rate_options import BitrateOptions


def sensible(value: float | None, low: float, high: float) -> float | None:
    """`value` if it is a finite number between the two."""
    return value if value is not None and math.isfinite(value) and low <= value <= high else None


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """One report block on our stream. Fractions 0..1, seconds."""

    fraction_lost: float
    # this report's own; None where it names no sender report of ours
    round_trip_time: float | None
    jitter: float
    highest_sequence: int  # extended
    packets_lost: int  # from the start
    # how long it waited on this machine to be read
    lateness: float


class RoundTrips:
    """The queue at the bottleneck, in seconds, read from round trips."""

    def __init__(self, options: BitrateOptions) -> None:
        self._options = options
        # rising round trips, oldest first
        self._minima: deque[tuple[float, float]] = deque()
        self._at = -math.inf
        self._above_since: float | None = None
        self._jitter_base: float | None = None
        self._jitter = 0.0
        self.round_trip = 0.0
        # seconds of round trip per second, between the last two
        self.change = 0.0
        self.known = False

    def add(self, now: float, round_trip: float) -> None:
        elapsed = now - self._at
        self.change = (
            (round_trip - self.round_trip) / elapsed if self.known and elapsed > 0 else 0.0
        )
        self._at, self.round_trip, self.known = now, round_trip, True
        while self._minima and self._minima[-1][1] >= round_trip:
            self._minima.pop()
        self._minima.append((now, round_trip))
        while self._minima[0][0] < now - self._options.delay_base_window:
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

    def rebase(self) -> None:
        """The last round trip is what the path takes now."""
        self._minima = deque([(self._at, self.round_trip)])
        self._above_since = None

    @property
    def threshold(self) -> float:
        base = self._minima[0][1] if self._minima else 0.0
        return max(self._options.delay_threshold, self._options.delay_threshold_ratio * base)

    @property
    def base(self) -> float | None:
        """The path without a queue; None while unknown."""
        return self._minima[0][1] if self._minima else None

    @property
    def excess(self) -> float:
        return self.round_trip - self._minima[0][1] if self._minima else 0.0

    @property
    def clear(self) -> bool:
        return self.excess <= self.threshold * self._options.delay_hold_ratio

    @property
    def headroom(self) -> float:
        """1 with no queue, 0 where growth has to stop."""
        return max(0.0, 1 - self.excess / (self.threshold * self._options.delay_hold_ratio))

    def overusing(self, corroborated: bool) -> bool:
        if self._above_since is None:
            return False
        jittery = (
            self._jitter > self._options.jitter_floor
            and self._jitter > self._options.jitter_rise * (self._jitter_base or 0.0)
        )
        persistent = self._at - self._above_since >= self._options.delay_persistence
        return persistent or corroborated or jittery or self.excess > self._options.delay_severe


@dataclass(frozen=True, slots=True)
class LossSample:
    since: float
    fraction: float


class Losses:
    """Reports summed into samples of at least `loss_interval`, and the part of the loss that is not
    ours.
    """

    def __init__(self, options: BitrateOptions) -> None:
        self._options = options
        self._at: float | None = None
        self._since = 0.0
        self._lost = self._seconds = 0.0
        self.inherent = 0.0
        # of the last sample, all of it and ours
        self.fraction = self.excess = 0.0

    def add(self, now: float, fraction: float) -> LossSample | None:
        elapsed = 1.0 if self._at is None else min(now - self._at, 2.0)
        if self._seconds == 0.0:
            self._since = now - elapsed
        self._at = now
        self._lost += fraction * elapsed
        self._seconds += elapsed
        if self._seconds < self._options.loss_interval:
            return None
        sample = LossSample(self._since, self._lost / self._seconds)
        self._lost = self._seconds = 0.0
        # the radio recovered: believe it within a few samples
        if sample.fraction < 0.7 * self.inherent:
            self.inherent += 0.3 * (sample.fraction - self.inherent)
        self.fraction = sample.fraction
        self.excess = self.excess_of(sample.fraction)
        return sample

    def accept(self, loss: float) -> None:
        """From now on this much is the path's own."""
        self.inherent = min(loss, self._options.inherent_loss_max)
        self.excess = self.excess_of(self.fraction)

    def excess_of(self, fraction: float) -> float:
        return max(0.0, (fraction - self.inherent) / (1 - self.inherent))


class Remb:
    """The far side's estimate, which falls for a reason and climbs behind us."""

    def __init__(self, options: BitrateOptions) -> None:
        self._options = options
        self._at = self._rose_at = self._fell_at = self._deep_at = self._dropped_at = -math.inf
        self.bitrate = 0.0

    def add(
        self, now: float, bitrate: float, target: float, sending: float, doubtful: bool
    ) -> bool:
        """Whether it fell, and under `target`. In doubt a fall counts only if less arrives than is
        sent.
        """
        options, before = self._options, self.bitrate
        known = self.known(now)
        if bitrate < options.remb_shallow * (min(sending, before) if known else sending):
            self._deep_at = now
        fell = known and bitrate < options.remb_fall * before and (self.deep(now) or not doubtful)
        if fell:
            self._rose_at, self._dropped_at = -math.inf, now
        elif not known or not options.remb_fall * before <= bitrate <= before:
            self._rose_at = now
        self.bitrate, self._at = bitrate, now
        if fell and bitrate < target:
            self._fell_at = now
            return True
        return False

    def known(self, now: float) -> bool:
        return now - self._at <= self._options.remb_age

    def deep(self, now: float) -> bool:
        """Lately much less arrived than was sent."""
        return now - self._deep_at < self._options.remb_deep_age

    def fell_within(self, now: float, seconds: float) -> bool:
        return now - self._fell_at <= seconds

    def cap(self, now: float, refuted: bool) -> float:
        """`refuted`: all that is sent arrives in time. Then one that moves is wrong, and one that
        stands a wish.
        """
        if not self.known(now):
            return math.inf
        trailing = now - self._rose_at < self._options.remb_rise_age
        if refuted and (trailing or now - self._dropped_at < self._options.remb_doubt):
            return math.inf
        return self.bitrate * (self._options.remb_slack if trailing else 1.0)

    def paused(self, now: float, target: float) -> bool:
        """We are ahead of it and it does not follow: it sees a queue."""
        return (
            self.known(now)
            and target > self.bitrate
            and now - self._rose_at > self._options.remb_pause
        )


class RateHistory:
    """(time, bit/s), oldest first, `history_age` long."""

    def __init__(self, options: BitrateOptions) -> None:
        self._options = options
        self._rates: deque[tuple[float, float]] = deque()

    def add(self, now: float, bitrate: float) -> None:
        self._rates.append((now, bitrate))
        while len(self._rates) > 1 and self._rates[1][0] < now - self._options.history_age:
            self._rates.popleft()

    def last(self, now: float, age: float) -> float | None:
        """The last one, if not older than `age`."""
        return self._rates[-1][1] if self._rates and now - self._rates[-1][0] <= age else None

    def in_force(self, at: float) -> float | None:
        """The last one set at or before `at`."""
        return next((bitrate for since, bitrate in reversed(self._rates) if since <= at), None)

    def measured(self, at: float, age: float) -> float | None:
        """The first one taken in the `age` seconds after `at`."""
        return next((bitrate for until, bitrate in self._rates if at <= until <= at + age), None)


class SendQueue:
    """What waits on this side of the socket."""

    def __init__(self, options: BitrateOptions) -> None:
        self._options = options
        self._since: float | None = None  # it is long

    @property
    def long(self) -> bool:
        return self._since is not None

    def add(self, now: float, queued: float, age: float, target: float) -> bool:
        """Whether it has been long all the time, `send_queue_persistence` again after each time
        that it was said.
        """
        if max(age, queued * 8 / target) <= self._options.send_queue_age:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since >= self._options.send_queue_persistence:
            self._since = now
            return True
        return False


class Nacks:
    """Packets asked for again in the last `nack_interval`."""

    def __init__(self, options: BitrateOptions) -> None:
        self._options = options
        self._asked: deque[tuple[float, int]] = deque()

    def add(self, now: float, packets: int) -> None:
        self._asked.append((now, packets))

    def ratio(self, now: float, target: float) -> float:
        """Of those sent meanwhile."""
        while self._asked and self._asked[0][0] < now - self._options.nack_interval:
            self._asked.popleft()
        sent = target * self._options.nack_interval / (8 * self._options.nack_packet_bytes)
        return sum(packets for _, packets in self._asked) / sent
