"""From what the far side reports to the bitrate that the encoder should make.

This is the sender's half of congestion control as draft-ietf-rmcat-gcc describes it, for a sender without transport-wide
feedback. The loss controller (section 6) is the draft's: over 10 % back off, under 2 % grow, hold between. The delay
controller (section 5) wants the arrival time of every packet; we have a round trip about once a second, and REMB, which is
the far side's own delay controller. Three things differ from the draft, each because a report a second is coarse:

- *Loss that does not follow the rate is not congestion.* Over 10 % with flat round trips, the rate is lowered by a tenth as
  an experiment. A bottleneck of capacity C loses 1 - C/R: the loss must fall by about as much as the rate did. If it does
  not, it is the radio's; the rate returns, and only what exceeds that inherent loss counts from then on.
- *REMB is a cap, not a target.* It is held to 1.5 times what arrives and climbs 8 % a second, so it trails a growing sender.
  A fall is congestion; a value below our rate that keeps climbing is lag, and leaves room of that factor.
- *A queue must drain, not only stop growing.* Backing off to the capacity leaves the queue standing for as long as the
  bottleneck pleases. While round trips stay long, the rate is kept under the capacity, in proportion to what waits.

Near the capacity that the last decrease revealed the rate creeps, under it it returns quickly, beyond it the capacity is
forgotten. The encoder sees a step only when it is worth one: never under 5 % down and 8 % up.

Time is an argument (seconds, any monotonic clock); what is not a sensible number, or comes from the past, is ignored.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

QualityLimitationReason = Literal["none", "bandwidth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BitrateOptions:
    """Bounds in bit/s, intervals in seconds, factors and rates as fractions. Raises ValueError on bounds out of order."""

    bitrate: int = 2_000_000  # start: 720p30 that looks well, without asking for a fast uplink
    min_bitrate: int = 250_000  # under it firmware encoders misbehave and the picture is no use
    max_bitrate: int = 4_000_000

    # loss, draft section 6
    loss_low: float = 0.02  # under it: grow
    loss_high: float = 0.10  # over it: back off
    loss_interval: float = 0.5  # reports of less time than this are summed: a few packets make no fraction
    loss_severe: float = 0.25  # at it one sample settles an experiment; half the packets can be cut at once
    inherent_loss_max: float = 0.20  # a path that loses more is of no use at any rate: keep backing off
    trial_decrease: float = 0.90  # a tenth less must take about ten points of loss away, five times the noise
    trial_samples: int = 2  # samples that lie wholly after the step
    trial_bits: float = 1.5e6  # and about this many seconds' worth of packets, or noise decides; at most five samples
    trial_after_hold: float = 8.0  # held this long between low and high: find out whether the loss is ours

    # delay, draft section 5 with round trips for arrival times
    delay_base_window: float = 30.0  # the shortest round trip of this long is the path without a queue
    delay_threshold: float = 0.05  # over the base: beyond the noise of Wi-Fi, under what a viewer notices
    delay_threshold_ratio: float = 0.5  # or this much of the base, on long paths
    delay_hold_ratio: float = 0.6  # of the threshold: stop growing before having to back off
    delay_persistence: float = 0.4  # a single long round trip is no queue, unless another signal agrees
    delay_severe: float = 0.20  # over the base: no corroboration needed
    delay_decrease: float = 0.85  # the draft's beta
    delay_decrease_floor: float = 0.50  # a change of round trip is not enough evidence for more
    delivered_floor: float = 0.25  # but a long round trip with loss is: what arrives is what fits
    delay_falling: float = -0.02  # seconds a second: it drains, leave it to
    delay_decrease_interval: float = 1.0  # a sender report travels once a second; faster is the same evidence
    fit_margin: float = 0.95  # of what was seen to fit: targets leave out headers
    drain_time: float = 3.0  # a standing queue shall be gone in about this time
    drain_floor: float = 0.55  # of the capacity: a picture remains while it drains
    jitter_rise: float = 2.0  # over its own floor, and over `jitter_floor`: agrees with a long round trip
    jitter_floor: float = 0.015
    path_change_decrease: float = 0.6  # so much less sent, and the round trip has not moved: it is the path's

    # REMB
    remb_fall: float = 0.97  # of the one before: what libwebrtc sends at once
    remb_slack: float = 2.5  # how far we may run ahead of one that climbs: 8 % a second would never be caught up with
    remb_tolerance: float = 0.90  # a first value is the rate of arrival, and varies with the frames
    remb_shallow: float = 0.75  # of what is sent; what arrives is 1 / 0.85 of it, so nearly all does
    remb_early_decrease: float = 0.90  # enough for a fall that comes before the queue shows in round trips
    remb_deep_age: float = 5.0  # after a deeper fall the shallow ones belong to it
    remb_rise_age: float = 3.0  # climbed within it: trailing us
    remb_fall_age: float = 8.0  # as long as a queue of ours may take to drain, its value is the capacity's
    remb_pause: float = 1.6  # ahead of one that did not climb at its last sending: it sees a queue, do not grow
    remb_age: float = 5.0  # sent at least once a second; older ones bind nobody

    # growth
    growth: float = 0.06  # a second, under the draft's 0.08: near the last capacity, and to begin with
    growth_fast: float = 0.20  # a second: below that capacity, or after `growth_ramp` seconds without trouble
    growth_ramp: float = 4.0
    growth_blind: float = 0.8  # of these, where no REMB would tell of a queue before the next report does
    near_low: float = 0.85  # of the capacity: the neighborhood that is crossed slowly
    near_high: float = 1.12
    capacity_same: float = 0.75
    capacity_weight: float = 0.3
    hold_after_decrease: float = 1.0  # plus a round trip: see what it did first
    sent_slack: float = 1.5  # grow no further over what is sent: an unused rate is untested
    sent_age: float = 3.0
    report_age: float = 3.0  # three reports missing: do not grow blindly
    report_timeout: float = 4.0  # RFC 8083 4.1: no feedback is congestion of the worst kind
    report_timeout_decrease: float = 0.7
    report_timeout_interval: float = 2.0

    # our own queue, RTCP NACK
    send_queue_age: float = 0.2  # six frames
    send_queue_persistence: float = 1.0  # a key frame may take this long to pace out
    nack_interval: float = 1.0
    nack_packet_bytes: int = 1200  # to turn a rate into packets

    # what reaches the encoder
    step_down: float = 0.05
    step_up: float = 0.08
    interval_down: float = 0.3
    interval_up: float = 1.0
    history_age: float = 10.0  # of targets, to know what was sent when a late report says how it fared

    def __post_init__(self) -> None:
        if not 0 < self.min_bitrate <= self.bitrate <= self.max_bitrate:
            raise ValueError(
                f"bitrates must satisfy 0 < min_bitrate <= bitrate <= max_bitrate, "
                f"got {self.min_bitrate}, {self.bitrate}, {self.max_bitrate}"
            )


def _sensible(value: float | None, low: float, high: float) -> float | None:
    """`value` if it is a finite number between the two."""
    return value if value is not None and math.isfinite(value) and low <= value <= high else None


class _Delay:
    """The queue at the bottleneck, in seconds, read from round trips."""

    def __init__(self, options: BitrateOptions) -> None:
        self._options = options
        self._minima: deque[tuple[float, float]] = deque()  # rising round trips, oldest first
        self._at = -math.inf
        self._above_since: float | None = None
        self._jitter_base: float | None = None
        self._jitter = 0.0
        self.round_trip = 0.0
        self.change = 0.0  # seconds of round trip per second, between the last two
        self.known = False

    def add(self, now: float, round_trip: float) -> None:
        elapsed = now - self._at
        self.change = (round_trip - self.round_trip) / elapsed if self.known and elapsed > 0 else 0.0
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
        else:  # the floor follows a path that became worse, in about a minute
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
    def excess(self) -> float:
        return self.round_trip - self._minima[0][1] if self._minima else 0.0

    @property
    def clear(self) -> bool:
        return self.excess <= self.threshold * self._options.delay_hold_ratio

    def overusing(self, corroborated: bool) -> bool:
        if self._above_since is None:
            return False
        jittery = self._jitter > self._options.jitter_floor and self._jitter > self._options.jitter_rise * (
            self._jitter_base or 0.0
        )
        persistent = self._at - self._above_since >= self._options.delay_persistence
        return persistent or corroborated or jittery or self.excess > self._options.delay_severe


@dataclass(frozen=True, slots=True)
class _LossSample:
    since: float
    fraction: float


class _Loss:
    """Reports summed into samples of at least `loss_interval`, and the part of the loss that is not ours."""

    def __init__(self, options: BitrateOptions) -> None:
        self._options = options
        self._at: float | None = None
        self._since = 0.0
        self._lost = self._seconds = 0.0
        self.inherent = 0.0
        self.fraction = self.excess = 0.0  # of the last sample, all of it and ours

    def add(self, now: float, fraction: float) -> _LossSample | None:
        elapsed = 1.0 if self._at is None else min(now - self._at, 2.0)
        if self._seconds == 0.0:
            self._since = now - elapsed
        self._at = now
        self._lost += fraction * elapsed
        self._seconds += elapsed
        if self._seconds < self._options.loss_interval:
            return None
        sample = _LossSample(self._since, self._lost / self._seconds)
        self._lost = self._seconds = 0.0
        if sample.fraction < 0.7 * self.inherent:  # the radio recovered: believe it within a few samples
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


@dataclass(slots=True)
class _Trial:
    """Does the loss follow the rate? Sums the samples after a step down."""

    started: float
    bitrate_before: float
    bitrate: float
    loss_before: float
    losses: list[float]

    def follows(self) -> bool:
        at_capacity = max(0.0, 1 - (1 - self.loss_before) * self.bitrate_before / self.bitrate)
        return sum(self.losses) / len(self.losses) < (self.loss_before + at_capacity) / 2


class BitrateController:
    """One conversation's target bitrate. Feed it what arrives, call `update` a few times a second."""

    def __init__(self, options: BitrateOptions | None = None) -> None:
        self._options = options or BitrateOptions()
        self._target = self._options.bitrate
        self._estimate = float(self._target)  # moves smoothly; the target follows in steps
        self._delay = _Delay(self._options)
        self._loss = _Loss(self._options)
        self._trial: _Trial | None = None
        self._now = -math.inf
        self._changed_at = self._decreased_at = self._fitted_at = -math.inf
        self._updated_at: float | None = None
        self._reported_at: float | None = None
        self._heard_at: float | None = None  # any feedback
        self._timed_out_at = -math.inf
        self._capacity: float | None = None  # where the last decrease happened
        self._clean_since: float | None = None
        self._hold_since: float | None = None  # loss between low and high
        self._limited_from: float | None = None  # the rate before congestion
        self._delay_episode: tuple[float, float] | None = None  # (target, round trip) at the first decrease
        self._remb: float | None = None
        self._remb_at = self._remb_rose_at = self._remb_fell_at = self._remb_deep_at = -math.inf
        self._queue_since: float | None = None
        self._targets: deque[tuple[float, float]] = deque([(-math.inf, self._target)])  # (from then on, bit/s)
        self._sent: deque[tuple[float, float]] = deque()  # (over the second until then, bit/s)
        self._nacks: deque[tuple[float, int]] = deque()
        self._cause = "start"  # of the estimate's last move
        self.why = self._cause  # of the target's last change, a few words

    @property
    def target(self) -> int:
        """bit/s, what the encoder was last told."""
        return self._target

    @property
    def quality_limitation_reason(self) -> QualityLimitationReason:
        """W3C webrtc-stats: `bandwidth` until the rate before the congestion is reached again."""
        return "none" if self._limited_from is None else "bandwidth"

    def on_receiver_report(
        self, now: float, fraction_lost: float | None, round_trip_time: float | None, jitter: float | None
    ) -> None:
        """A report block: loss 0..1, seconds. `round_trip_time` is this report's own, not a smoothed one; None: unknown."""
        fraction_lost = _sensible(fraction_lost, 0.0, 1.0)
        round_trip_time = _sensible(round_trip_time, 0.0, 60.0)
        jitter = _sensible(jitter, 0.0, 60.0)
        if not self._advance(now) or (fraction_lost is None and round_trip_time is None):
            return
        self._reported_at = self._heard_at = now
        sample = None if fraction_lost is None else self._loss.add(now, fraction_lost)
        if jitter is not None:
            self._delay.add_jitter(jitter)
        if round_trip_time is not None:
            self._delay.add(now, round_trip_time)
        if sample is not None:
            self._judge_loss(now, sample)
        if round_trip_time is not None:
            self._judge_delay(now)

    def on_remb(self, now: float, bitrate: float) -> None:
        """The far side's estimate in bit/s."""
        if _sensible(bitrate, 1.0, 1e12) is None or not self._advance(now):
            return
        self._heard_at = now
        before = self._remb if now - self._remb_at <= self._options.remb_age else None
        fell = before is not None and bitrate < self._options.remb_fall * before and self._believed(now, bitrate)
        if fell:
            self._remb_rose_at, self._remb_fell_at = -math.inf, now
        elif before is None or not self._options.remb_fall * before <= bitrate <= before:
            self._remb_rose_at = now
        self._remb, self._remb_at = bitrate, now
        cap = self._remb_cap(now)
        if (fell and bitrate < self._target) or cap < self._options.remb_tolerance * self._sending(now):
            early = now - self._remb_deep_at > self._options.remb_deep_age and self._delay.clear
            to = max(cap, self._options.remb_early_decrease * self._target) if early else cap
            self._decrease(now, to, "REMB", self._capacity_near(cap / self._options.delay_decrease))

    def on_nack(self, now: float, packets: int) -> None:
        """Packets asked for again."""
        if _sensible(packets, 1, 1 << 16) is not None and self._advance(now):
            self._heard_at = now
            self._nacks.append((now, packets))

    def on_send_queue(self, now: float, bytes_queued: float, oldest_age: float) -> None:
        """What waits on this side of the socket: bytes, and the age of the oldest in seconds. Call it regularly."""
        queued, age = _sensible(bytes_queued, 0, 1e12), _sensible(oldest_age, 0.0, 3600.0)
        if queued is None or age is None or not self._advance(now):
            return
        if max(age, queued * 8 / self._target) <= self._options.send_queue_age:
            self._queue_since = None
        elif self._queue_since is None:
            self._queue_since = now
        elif now - self._queue_since >= self._options.send_queue_persistence:
            self._queue_since = now
            self._decrease(now, self._options.delay_decrease * self._target, "send queue", capacity=self._target)

    def on_sent_bitrate(self, now: float, bitrate: float) -> None:
        """What was really sent over the last second or so, bit/s. Without it growth trusts that the target is sent."""
        if _sensible(bitrate, 0.0, 1e12) is not None and self._advance(now):
            self._remember(self._sent, now, bitrate)

    def update(self, now: float) -> int | None:
        """The new target if the encoder should be told one now, else None."""
        if not self._advance(now):
            return None
        elapsed = 0.0 if self._updated_at is None else min(now - self._updated_at, 1.0)
        self._updated_at = now
        self._judge_silence(now)
        if self._may_grow(now):
            self._grow(now, elapsed)
        else:
            self._clean_since = None
        return self._step(now)

    # evidence

    def _advance(self, now: float) -> bool:
        """Whether `now` is a time and not in the past."""
        if not math.isfinite(now) or now < self._now:
            return False
        self._now = now
        return True

    def _judge_delay(self, now: float) -> None:
        options, delay = self._options, self._delay
        corroborated = self._loss.excess > options.loss_low or now - self._remb_fell_at < 2.0
        if not delay.overusing(corroborated):
            self._delay_episode = None if delay.clear else self._delay_episode
            return
        if 1 - delay.change < options.delay_decrease:  # it grows: by how fast, one knows what fits
            fits = max(options.delay_decrease_floor, 1 - delay.change) * self._sent_around(now - delay.round_trip)
            self._fit(now, fits, "round trip")
        elif delay.change > options.delay_falling and now - self._decreased_at >= max(
            options.delay_decrease_interval, delay.round_trip  # else the sender report left before the last decrease
        ):
            self._delay_episode = self._delay_episode or (self._target, delay.round_trip)
            if self._path_changed():
                delay.rebase()
                self._delay_episode = self._capacity = None
                return
            self._decrease(now, options.delay_decrease * self._target, "round trip", self._target)
        self._drain(now)

    def _fit(self, now: float, fits: float, why: str) -> None:
        """Down to what was seen to fit. Absolute, so that late news of what was sent earlier does not add up."""
        if fits < self._target:
            self._fitted_at = now
            self._decrease(now, self._options.fit_margin * fits, why, capacity=fits)

    def _sent_around(self, at: float) -> float:
        """bit/s over about the second before `at`: as measured, with retransmissions, or else the target of then."""
        for until, bitrate in self._sent:
            if at <= until <= at + self._options.sent_age:
                return bitrate
        return next((target for since, target in reversed(self._targets) if since <= at), self._target)

    def _drain(self, now: float) -> None:
        """Keep under a known capacity by what waits there. Absolute, so that reports of the same queue do not add up."""
        options, excess = self._options, self._delay.excess
        if self._capacity is None or excess <= options.delay_severe:
            return
        bitrate = self._capacity * max(options.drain_floor, 1 - excess / options.drain_time)
        if bitrate < self._estimate:
            self._decrease(now, bitrate, "queue to drain", self._capacity)

    def _path_changed(self) -> bool:
        """A long round trip that no decrease moves, without loss, is a longer path and not a queue."""
        if self._delay_episode is None or self._loss.excess > self._options.loss_low:
            return False
        target, round_trip = self._delay_episode
        moved = abs(self._delay.round_trip - round_trip)
        return self._target <= self._options.path_change_decrease * target and moved < 0.15 * round_trip

    def _judge_loss(self, now: float, sample: _LossSample) -> None:
        options = self._options
        if self._trial is not None:
            self._judge_trial(now, sample, self._trial)
            return
        excess = self._loss.excess
        if not options.loss_low < excess <= options.loss_high:
            self._hold_since = None
        elif self._hold_since is None:
            self._hold_since = now
        congested = not self._delay.clear or now - self._remb_fell_at < 2.0
        since = self._fitted_at if congested else self._decreased_at
        if sample.since < since + self._delay.round_trip:
            return  # part of it was sent before the last decrease
        if excess > options.loss_high and congested:
            delivered = max(options.delivered_floor, 1 - excess) * self._sent_around(now - self._delay.round_trip)
            self._fit(now, delivered, "loss")
        elif excess > options.loss_high:
            self._try(now, sample.fraction, min(options.trial_decrease, 1 - excess / 2))
        elif self._hold_since is not None and now - self._hold_since >= options.trial_after_hold:
            self._try(now, sample.fraction, options.trial_decrease)

    def _try(self, now: float, loss: float, factor: float) -> None:
        before = self._target
        self._decrease(now, factor * before, "loss on trial", self._capacity)
        self._hold_since = None
        if self._estimate < before:
            self._trial = _Trial(now, before, self._estimate, loss, [])
        else:  # at the minimum already: nothing to lose, and growing will tell
            self._loss.accept(loss)

    def _judge_trial(self, now: float, sample: _LossSample, trial: _Trial) -> None:
        options = self._options
        if sample.since < trial.started + self._delay.round_trip:
            return  # part of it was sent before the step
        trial.losses.append(sample.fraction)
        needed = 1 if trial.loss_before >= options.loss_severe else options.trial_samples
        if len(trial.losses) < max(needed, min(5, options.trial_bits / self._target)):
            return
        self._trial = None
        loss = (trial.loss_before + sum(trial.losses)) / (1 + len(trial.losses))
        if trial.follows() or loss > options.inherent_loss_max:
            self._capacity = trial.bitrate_before * (1 - self._loss.excess_of(trial.loss_before))
            return
        self._loss.accept(loss)
        self._estimate = max(self._estimate, trial.bitrate_before)
        self._cause = "loss is inherent"

    def _judge_silence(self, now: float) -> None:
        options = self._options
        if self._heard_at is None or now - self._heard_at < options.report_timeout:
            return
        if now - self._timed_out_at >= options.report_timeout_interval:
            self._timed_out_at = now
            self._decrease(now, options.report_timeout_decrease * self._target, "no reports", self._capacity)

    # the rate

    def _decrease(self, now: float, bitrate: float, why: str, capacity: float | None) -> None:
        self._trial = None
        self._clean_since = None
        self._decreased_at = now
        if self._remb is not None and now - self._remb_fell_at <= self._options.remb_fall_age:
            # libwebrtc has just measured what arrives: better than our guesses, which lag behind the queue
            capacity = max(capacity or 0.0, self._remb / self._options.delay_decrease)
            bitrate = max(bitrate, self._options.drain_floor * capacity)
        self._capacity = capacity
        lower = max(self._options.min_bitrate, min(self._estimate, bitrate))
        if lower < self._target:
            self._limited_from = max(self._limited_from or 0.0, self._target)
            self._cause = why
        self._estimate = lower

    def _believed(self, now: float, bitrate: float) -> bool:
        """Not a fall of the usual 15 % with losses and short round trips: frames with holes look like a queue to REMB."""
        if bitrate < self._options.remb_shallow * self._sending(now):
            self._remb_deep_at = now
        losing = max(self._loss.fraction, self._nack_ratio(now)) > self._options.loss_low
        return now - self._remb_deep_at < self._options.remb_deep_age or not losing or not self._delay.clear

    def _remb_paused(self, now: float) -> bool:
        fresh = self._remb is not None and now - self._remb_at <= self._options.remb_age
        return fresh and self._target > (self._remb or 0.0) and now - self._remb_rose_at > self._options.remb_pause

    def _capacity_near(self, measured: float) -> float:
        """Averaged with what was known if it is about the same: one measurement is a rough one."""
        options, known = self._options, self._capacity
        if known is None or not options.capacity_same <= measured / known <= 1 / options.capacity_same:
            return measured
        return known + options.capacity_weight * (measured - known)

    def _remb_cap(self, now: float) -> float:
        if self._remb is None or now - self._remb_at > self._options.remb_age:
            return math.inf
        trailing = now - self._remb_rose_at < self._options.remb_rise_age
        return self._remb * (self._options.remb_slack if trailing else 1.0)

    def _remember(self, history: deque[tuple[float, float]], now: float, bitrate: float) -> None:
        history.append((now, bitrate))
        while len(history) > 1 and history[1][0] < now - self._options.history_age:
            history.popleft()

    def _sent_lately(self, now: float) -> float:
        """Measured bit/s, infinity if not known."""
        known = bool(self._sent) and now - self._sent[-1][0] <= self._options.sent_age
        return self._sent[-1][1] if known else math.inf

    def _sending(self, now: float) -> float:
        """bit/s that leave, as far as known."""
        return min(self._target, self._sent_lately(now))

    def _nack_ratio(self, now: float) -> float:
        """Packets asked for again, of those sent."""
        while self._nacks and self._nacks[0][0] < now - self._options.nack_interval:
            self._nacks.popleft()
        sent = self._target * self._options.nack_interval / (8 * self._options.nack_packet_bytes)
        return sum(packets for _, packets in self._nacks) / sent

    def _may_grow(self, now: float) -> bool:
        options = self._options
        return (
            self._reported_at is not None
            and now - self._reported_at <= options.report_age
            and now - self._decreased_at >= options.hold_after_decrease + self._delay.round_trip
            and self._trial is None
            and not self._remb_paused(now)
            and self._queue_since is None
            and self._delay.clear
            and self._loss.excess <= options.loss_low
            and self._nack_ratio(now) <= options.loss_high + 2 * self._loss.inherent
        )

    def _grow(self, now: float, elapsed: float) -> None:
        if self._clean_since is None:
            self._clean_since = now
        sent = self._options.sent_slack * self._sent_lately(now)
        limit = min(float(self._options.max_bitrate), self._remb_cap(now), sent)
        grown = self._estimate * (1 + self._growth(now, self._clean_since)) ** elapsed
        grown = min(limit, grown)
        if grown > self._estimate:
            self._estimate = grown
            if grown > self._target * (1 + self._options.step_up) or self._cause != "loss is inherent":
                self._cause = "growth"

    def _growth(self, now: float, clean_since: float) -> float:
        options = self._options
        if self._capacity is not None and self._estimate > options.near_high * self._capacity:
            self._capacity = None
            self._clean_since = clean_since = now
        if self._capacity is None:
            ramp = min(1.0, (now - clean_since) / options.growth_ramp)
            growth = options.growth + ramp * (options.growth_fast - options.growth)
        elif self._estimate > options.near_low * self._capacity:
            growth = options.growth
        else:
            return options.growth_fast
        return growth if now - self._remb_at <= options.remb_age else options.growth_blind * growth

    def _step(self, now: float) -> int | None:
        options, since = self._options, now - self._changed_at
        wanted = round(self._estimate)
        at_bound = wanted in (options.min_bitrate, options.max_bitrate) and wanted != self._target
        down = wanted < self._target and (wanted < (1 - options.step_down) * self._target or at_bound)
        up = wanted > self._target and (wanted > (1 + options.step_up) * self._target or at_bound)
        if not (down and since >= options.interval_down) and not (up and since >= options.interval_up):
            return None
        self.why = self._cause
        self._target, self._changed_at = wanted, now
        self._remember(self._targets, now, wanted)
        if self._limited_from is not None and wanted >= min(self._limited_from, options.max_bitrate) * 0.95:
            self._limited_from = None
        return wanted
