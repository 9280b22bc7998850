"""From what the far side reports to the bitrate that the encoder should make.

This is the sender's half of congestion control as draft-ietf-rmcat-gcc describes it, without
transport-wide feedback. The loss controller (section 6) is the draft's: over 10 % back off, under 2
% grow, hold between. The delay controller (section 5) wants the arrival time of every packet; we
have a round trip about once a second, and REMB, which is the far side's own delay controller. Three
things differ from the draft, each because a report a second is coarse:

- *Loss that does not follow the rate is not congestion.* Over 10 % with short round trips, the
  rate is lowered by a tenth as an experiment. If the loss does not fall by about as much, it is
  the radio's; the rate returns, and only what exceeds that inherent loss counts from then on.
- *REMB is a cap, not a target.* It is held to 1.5 times what arrives and climbs 8 % a second, so
  it trails a sender that grows. A fall is congestion; a value below our rate that climbs is lag,
  and may be outrun by a factor.
- *A queue must drain, not only stop growing.* At the capacity a queue stands for as long as the
  bottleneck pleases. While round trips stay long, the rate is kept under the capacity, in
  proportion to what waits.

News of a queue is late by the queue. What was seen to fit is therefore an absolute rate (what was
sent then, less what was lost), so that several reports of one event do not add up; relative steps
wait for a round trip.

Near the capacity that the last decrease revealed the rate creeps, below it it returns quickly,
beyond it the capacity is forgotten. The encoder sees a step only when it is worth one: over 5 %
down, over 8 % up. Time is an argument (seconds, any monotonic clock). What is not a sensible
number, or comes from the past, is ignored.
"""

from __future__ import annotations

import math
from typing import Literal

from agent.core.rate.growth import Growth
from agent.core.rate.losses import Delivered, Inherent, LossJudge, Ours, PutOnTrial
from agent.core.rate.queue_delay import Carried, Holds, QueueJudge
from agent.core.rate.rate_options import BitrateOptions
from agent.core.rate.rate_signals import (
    Losses,
    LossSample,
    Nacks,
    RateHistory,
    Remb,
    RoundTrips,
    SendQueue,
    sensible,
)

__all__ = ["BitrateController", "BitrateOptions", "QualityLimitationReason"]

QualityLimitationReason = Literal["none", "bandwidth"]

# decreases that are no sight of what the path holds
_NO_SHORTAGE = ("no reports", "loss on trial")


class BitrateController:
    """One conversation's target bitrate. Feed it what arrives, call `update` a few times a
    second.
    """

    def __init__(self, options: BitrateOptions | None = None) -> None:
        self._options = options or BitrateOptions()
        self._target = self._options.bitrate
        # moves smoothly; the target follows in steps
        self._estimate = float(self._target)
        self._delay = RoundTrips(self._options)
        self._loss = Losses(self._options)
        self._loss_judge = LossJudge(self._options, self._loss)
        self._queue = QueueJudge(self._options, self._loss)  # in the network
        self._growth = Growth(self._options)
        self._now = -math.inf
        self._changed_at = self._decreased_at = self._fitted_at = -math.inf
        self._updated_at: float | None = None
        self._reported_at: float | None = None
        self._heard_at: float | None = None  # any feedback
        self._timed_out_at = -math.inf
        # where the last decrease happened
        self._capacity: float | None = None
        # the rate before congestion
        self._limited_from: float | None = None
        # (target, round trip) at the first decrease
        self._delay_episode: tuple[float, float] | None = None
        self._remb = Remb(self._options)
        self._sent = RateHistory(self._options)  # as measured
        # each from when it was set
        self._targets = RateHistory(self._options)
        self._targets.add(-math.inf, self._target)
        self._send_queue = SendQueue(self._options)
        self._nacks = Nacks(self._options)
        # of the estimate's last move
        self._cause = "start"
        # of the target's last change, a few words
        self.why = self._cause
        # when the path was last seen to hold less than `min_bitrate`
        self.short_at = -math.inf

    @property
    def target(self) -> int:
        """bit/s, what the encoder was last told."""
        return self._target

    @property
    def quality_limitation_reason(self) -> QualityLimitationReason:
        """W3C webrtc-stats: `bandwidth` until the rate before the congestion is reached again."""
        return "none" if self._limited_from is None else "bandwidth"

    def on_receiver_report(
        self,
        now: float,
        fraction_lost: float | None,
        round_trip_time: float | None,
        jitter: float | None,
        highest_sequence: int | None = None,
        packets_lost: int | None = None,
        lateness: float = 0.0,
    ) -> None:
        """A report block: loss 0..1, seconds. `round_trip_time` is this own, not smoothed; None:
        unknown.

        `highest_sequence` may be extended, `packets_lost` counts from the start; what waited on
        this machine for `lateness` did not wait in the network.
        """
        fraction_lost = sensible(fraction_lost, 0.0, 1.0)
        round_trip_time = sensible(round_trip_time, 0.0, 60.0)
        jitter = sensible(jitter, 0.0, 60.0)
        if not self._advance(now) or (fraction_lost is None and round_trip_time is None):
            return
        self._reported_at = self._heard_at = now
        sample = None if fraction_lost is None else self._loss.add(now, fraction_lost)
        if jitter is not None:
            self._delay.add_jitter(jitter)
        if round_trip_time is not None:
            self._delay.add(now, round_trip_time)
        late = sensible(lateness, 0.0, 60.0) or 0.0
        self._queue.report(now, late, highest_sequence, packets_lost, self._delay.base)
        if sample is not None:
            self._judge_loss(now, sample)
        if round_trip_time is not None and not self._queue.is_empty(now):
            self._judge_delay(now)
        self._judge_queue(now)

    def on_remb(self, now: float, bitrate: float) -> None:
        """The far side's estimate in bit/s."""
        if sensible(bitrate, 1.0, 1e12) is None or not self._advance(now):
            return
        self._heard_at = now
        losing = (
            max(self._loss.fraction, self._nacks.ratio(now, self._target)) > self._options.loss_low
        )
        # frames with holes look like a queue to libwebrtc; a real one lengthens round trips
        fell = self._remb.add(
            now, bitrate, self._target, self._sending(now), losing and self._delay.clear
        )
        deep, refuted = self._remb.deep(now), self._queue.is_empty(now)
        if refuted and self._remb.cap(now, refuted) == math.inf and (deep or not fell):
            return
        cap = self._remb.cap(now, refuted=False)
        if not fell and cap >= self._options.remb_tolerance * self._sending(now):
            return
        # arrivals would show one: a step at a time, until they do
        if self._queue.is_short(now):
            if now - self._decreased_at >= self._options.delay_decrease_interval:
                to = max(cap, self._options.remb_early_decrease * self._target)
                capacity = (
                    self._capacity
                    if deep
                    else self._capacity_near(cap / self._options.delay_decrease)
                )
                self._decrease(now, to, "REMB", capacity, measured=True)
        else:
            early = self._delay.clear and not deep
            to = max(cap, self._options.remb_early_decrease * self._target) if early else cap
            self._decrease(now, to, "REMB", self._capacity_near(cap / self._options.delay_decrease))

    def on_nack(self, now: float, packets: int) -> None:
        """Packets asked for again."""
        if sensible(packets, 1, 1 << 16) is not None and self._advance(now):
            self._heard_at = now
            self._nacks.add(now, packets)

    def on_send_queue(self, now: float, bytes_queued: float, oldest_age: float) -> None:
        """What waits on this side of the socket: bytes, and the age of the oldest in seconds. Call
        it regularly.
        """
        queued, age = sensible(bytes_queued, 0, 1e12), sensible(oldest_age, 0.0, 3600.0)
        if queued is None or age is None or not self._advance(now):
            return
        if self._send_queue.add(now, queued, age, self._target):
            self._decrease(
                now,
                self._options.delay_decrease * self._target,
                "send queue",
                capacity=self._target,
            )

    def on_sent_bitrate(self, now: float, bitrate: float) -> None:
        """What was sent in the last second, retransmissions too, bit/s. If never told, the target
        is taken for it.
        """
        if sensible(bitrate, 0.0, 1e12) is not None and self._advance(now):
            self._sent.add(now, bitrate)

    def on_packets(self, now: float, sequence_number: int, octets: int) -> None:
        """Packets have left, the last with this sequence number. Without it, what arrives is not
        known.
        """
        if self._advance(now):
            self._queue.arrivals.sent(now, sequence_number, octets)

    def on_resent(self, octets: int) -> None:
        self._queue.arrivals.resent(octets)

    def take_pause(self) -> float | None:
        """Seconds for which no picture should leave and none is worth keeping, once; then a key
        frame is needed.
        """
        return self._queue.take_pause()

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
            self._growth.interrupt()
        return self._step(now)

    def _advance(self, now: float) -> bool:
        """Whether `now` is a time and not in the past."""
        if not math.isfinite(now) or now < self._now:
            return False
        self._now = now
        return True

    def _judge_queue(self, now: float) -> None:
        match self._queue.judge(now, self._target, self._decreased_at, self._delay.round_trip):
            case Holds(capacity, bitrate):
                if capacity < self._options.arrival_fits * self._target:
                    self._fitted_at = now
                self._decrease(now, bitrate, "arrivals", max(1.0, capacity), measured=True)
            case Carried(bitrate):
                # the last decrease took it for a queue
                if self._limited_from is not None and self._estimate < bitrate:
                    self._estimate = min(bitrate, self._limited_from)
                    self._cause = "arrivals"

    def _judge_delay(self, now: float) -> None:
        options, delay = self._options, self._delay
        corroborated = self._loss.excess > options.loss_low or self._remb.fell_within(
            now, options.remb_corroborates
        )
        if not delay.overusing(corroborated):
            self._delay_episode = None if delay.clear else self._delay_episode
            return
        # before it is due, the sender report left before the last decrease
        due = self._decreased_at + max(options.delay_decrease_interval, delay.round_trip)
        # it grows: by how fast, one knows what fits
        if 1 - delay.change < options.delay_decrease:
            fits = max(options.delay_decrease_floor, 1 - delay.change) * self._sent_around(
                now - delay.round_trip
            )
            self._fit(now, fits, "round trip")
        elif delay.change > options.delay_falling and now >= due:
            self._delay_episode = self._delay_episode or (self._target, delay.round_trip)
            if self._path_changed():
                delay.rebase()
                self._delay_episode = self._capacity = None
                return
            self._decrease(now, options.delay_decrease * self._target, "round trip", self._target)
        self._drain(now)

    def _fit(self, now: float, fits: float, why: str) -> None:
        """Down to what was seen to fit. Absolute, so that late news of what was sent earlier does
        not add up.
        """
        arrives = (
            self._remb.bitrate if self._remb.fell_within(now, self._options.remb_fall_age) else 0.0
        )
        if max(fits, arrives) < self._target:
            self._fitted_at = now
            self._decrease(now, self._options.fit_margin * fits, why, capacity=fits)

    def _sent_around(self, at: float) -> float:
        """bit/s over about the second before `at`: as measured, with retransmissions, or else the
        target of then.
        """
        measured = self._sent.measured(at, self._options.sent_age)
        return measured or self._targets.in_force(at) or self._target

    def _drain(self, now: float) -> None:
        """Keep under a known capacity by what waits there. Absolute, so that reports of one queue
        do not add up.
        """
        options, excess = self._options, self._delay.excess
        if self._capacity is None or excess <= options.delay_severe:
            return
        bitrate = self._capacity * max(options.drain_floor, 1 - excess / options.drain_time)
        if bitrate < self._estimate:
            self._decrease(now, bitrate, "queue to drain", self._capacity)

    def _path_changed(self) -> bool:
        """A long round trip that no decrease moves, without loss, is a longer path and not a
        queue.
        """
        if self._delay_episode is None or self._loss.excess > self._options.loss_low:
            return False
        target, round_trip = self._delay_episode
        moved = abs(self._delay.round_trip - round_trip)
        return (
            self._target <= self._options.path_change_decrease * target
            and moved < 0.15 * round_trip
        )

    def _judge_loss(self, now: float, sample: LossSample) -> None:
        round_trip = self._delay.round_trip
        congested = not self._delay.clear or self._remb.fell_within(
            now, self._options.remb_corroborates
        )
        since = self._fitted_at if congested else self._decreased_at
        match self._loss_judge.judge(
            now,
            sample,
            self._target,
            congested=congested,
            decreased_at=since,
            round_trip=round_trip,
        ):
            case Delivered(share):
                self._fit(now, share * self._sent_around(now - round_trip), "loss")
            case PutOnTrial(factor):
                before = self._target
                self._decrease(now, factor * before, "loss on trial", self._capacity)
                self._loss_judge.begin_trial(now, sample, before, self._estimate)
            case Ours(capacity):
                self._capacity = capacity
            case Inherent(bitrate):
                self._estimate = max(self._estimate, bitrate)
                self._cause = "loss is inherent"

    def _judge_silence(self, now: float) -> None:
        options = self._options
        if self._heard_at is None or now - self._heard_at < options.report_timeout:
            return
        if now - self._timed_out_at >= options.report_timeout_interval:
            self._timed_out_at = now
            self._decrease(
                now, options.report_timeout_decrease * self._target, "no reports", self._capacity
            )

    def _decrease(
        self,
        now: float,
        bitrate: float,
        why: str,
        capacity: float | None,
        *,
        measured: bool = False,
    ) -> None:
        if bitrate < self._options.min_bitrate == self._target and why not in _NO_SHORTAGE:
            self.short_at = now
        self._loss_judge.end_trial()
        self._growth.interrupt()
        self._decreased_at = now
        if not measured and self._remb.fell_within(now, self._options.remb_fall_age):
            # libwebrtc has just measured what arrives: better than our guesses, which lag behind
            # the queue
            capacity = max(capacity or 0.0, self._remb.bitrate / self._options.delay_decrease)
            bitrate = max(bitrate, self._options.drain_floor * capacity)
        self._capacity = capacity
        lower = max(self._options.min_bitrate, min(self._estimate, bitrate))
        if lower < self._target:
            self._limited_from = max(self._limited_from or 0.0, self._target)
            self._cause = why
        self._estimate = lower

    def _capacity_near(self, measured: float) -> float:
        """Averaged with what was known if it is about the same: one measurement is a rough one."""
        options, known = self._options, self._capacity
        if (
            known is None
            or not options.capacity_same <= measured / known <= 1 / options.capacity_same
        ):
            return measured
        return known + options.capacity_weight * (measured - known)

    def _sending(self, now: float) -> float:
        """bit/s that leave, as far as known."""
        measured = self._sent.last(now, self._options.sent_age)
        return self._target if measured is None else min(self._target, measured)

    def _may_grow(self, now: float) -> bool:
        options = self._options
        return (
            self._reported_at is not None
            and now - self._reported_at <= options.report_age
            and now - self._decreased_at >= options.hold_after_decrease + self._delay.round_trip
            and not self._loss_judge.on_trial
            and (self._queue.is_empty(now) or self._is_clear(now))
            and not self._send_queue.long
            and self._loss.excess <= options.loss_low
            and self._nacks.ratio(now, self._target) <= options.loss_high + 2 * self._loss.inherent
        )

    def _is_clear(self, now: float) -> bool:
        """As far as round trips tell."""
        ahead = self._delay.excess > self._options.remb_pause_delay and self._remb.paused(
            now, self._target
        )
        return self._delay.clear and not ahead

    def _grow(self, now: float, elapsed: float) -> None:
        options, empty = self._options, self._queue.is_empty(now)
        if self._capacity is not None and self._estimate > options.near_high * self._capacity:
            self._capacity = None
            self._growth.interrupt()
        self._growth.begin(now)
        growth = self._growth.rate(
            now,
            self._estimate,
            self._capacity,
            empty=empty,
            remb=self._remb.known(now),
            headroom=self._delay.headroom,
        )
        measured = self._sent.last(now, options.sent_age)
        sent = math.inf if measured is None else options.sent_slack * measured
        limit = min(float(options.max_bitrate), self._remb.cap(now, empty), sent)
        grown = min(limit, self._estimate * (1 + growth) ** elapsed)
        if grown > self._estimate:
            self._estimate = grown
            if grown > self._target * (1 + options.step_up) or self._cause != "loss is inherent":
                self._cause = "growth"

    def _step(self, now: float) -> int | None:
        options, since = self._options, now - self._changed_at
        wanted = round(self._estimate)
        at_bound = wanted in (options.min_bitrate, options.max_bitrate) and wanted != self._target
        down = wanted < self._target and (
            wanted < (1 - options.step_down) * self._target or at_bound
        )
        up = wanted > self._target and (wanted > (1 + options.step_up) * self._target or at_bound)
        if not (down and since >= options.interval_down) and not (
            up and since >= options.interval_up
        ):
            return None
        self.why = self._cause
        self._target, self._changed_at = wanted, now
        self._targets.add(now, wanted)
        if (
            self._limited_from is not None
            and wanted >= min(self._limited_from, options.max_bitrate) * 0.95
        ):
            self._limited_from = None
        return wanted
