"""From what the remote peer reports to the bitrate that the encoder should make.

The sender's half of congestion control as draft-ietf-rmcat-gcc describes it, without transport-wide
feedback: a loss-based controller, a delay-based one and a rate controller (AIMD).
docs/rate-control.md draws how signals flow, and says where and why this differs from the draft.

News of a queue is late by the queue. What was seen to fit is therefore an absolute rate (what was
sent then, less what was lost), so that several reports of one event do not add up; relative steps
wait for a round trip. Time is an argument (seconds, any monotonic clock). What is not a sensible
number, or comes from the past, is ignored.
"""

from __future__ import annotations

import math

from agent.core.rate.aimd import AimdController
from agent.core.rate.bitrate_limits import BitrateLimits
from agent.core.rate.delay_based import DelayBasedController, NoQueueSeen, QueueSeen
from agent.core.rate.encoder_target import EncoderTarget, QualityLimitationReason
from agent.core.rate.feedback_timeout import FeedbackTimeout
from agent.core.rate.loss_based import (
    Congestive,
    Delivered,
    Inherent,
    LossBasedController,
    TrialDue,
)
from agent.core.rate.loss_meter import LossMeter, LossSample
from agent.core.rate.nacks import NackCounter
from agent.core.rate.pacer_queue import PacerQueueMonitor
from agent.core.rate.rate_history import RateHistory
from agent.core.rate.receiver_report import ReceiverReport, sensible
from agent.core.rate.remb import RembEstimate
from agent.core.rate.round_trip import OveruseDetector

_ON_TRIAL = "loss on trial"
_NO_REPORTS = "no reports"
_INHERENT = "loss is inherent"
# decreases that are no sight of what the path holds
_NO_SHORTAGE = (_NO_REPORTS, _ON_TRIAL)


class BitrateController:
    """One conversation's target bitrate. Feed it what arrives, call `update` a few times a
    second.
    """

    def __init__(self, limits: BitrateLimits | None = None) -> None:
        self._limits = limits or BitrateLimits()
        self._overuse = OveruseDetector()
        self._loss = LossMeter()
        self._loss_based = LossBasedController(self._loss, self._limits.min_bitrate)
        self._delay_based = DelayBasedController(self._loss)
        self._remb = RembEstimate()
        self._nacks = NackCounter()
        self._pacer_queue = PacerQueueMonitor()
        self._feedback = FeedbackTimeout()
        self._sent = RateHistory()
        """As measured, retransmissions too."""
        self._aimd = AimdController(self._limits)
        self._encoder = EncoderTarget(self._limits)
        self._now = -math.inf
        self._fitted_at = -math.inf
        self._updated_at: float | None = None
        # when the path was last seen to hold less than `min_bitrate`
        self.short_at = -math.inf

    @property
    def target(self) -> int:
        """bit/s, what the encoder was last told."""
        return self._encoder.bitrate

    @property
    def why(self) -> str:
        """The cause of the target's last change, in a few words."""
        return self._encoder.why

    @property
    def quality_limitation_reason(self) -> QualityLimitationReason:
        """W3C webrtc-stats: `bandwidth` until the rate before the congestion is reached again."""
        return self._encoder.quality_limitation_reason

    # --- inputs

    def on_receiver_report(self, now: float, report: ReceiverReport) -> None:
        report = report.plausible()
        fraction_lost, round_trip_time = report.fraction_lost, report.round_trip_time
        if not self._advance(now) or (fraction_lost is None and round_trip_time is None):
            return
        self._feedback.reported(now)
        sample = None if fraction_lost is None else self._loss.add(now, fraction_lost)
        if report.jitter is not None:
            self._overuse.add_jitter(report.jitter)
        if round_trip_time is not None:
            self._overuse.add(now, round_trip_time)
        self._delay_based.report(now, report, self._overuse.base)
        if sample is not None:
            self._judge_loss(now, sample)
        if round_trip_time is not None and not self._delay_based.is_empty(now):
            self._judge_round_trip(now)
        self._judge_arrivals(now)

    def on_remb(self, now: float, bitrate: float) -> None:
        """The remote peer's estimate in bit/s."""
        if sensible(bitrate, 1.0, 1e12) is None or not self._advance(now):
            return
        self._feedback.heard(now)
        losing = (
            max(self._loss.fraction, self._nacks.ratio(now, self.target)) > self._loss.options.low
        )
        # frames with holes look like a queue to libwebrtc; a real one lengthens round trips
        fell = self._remb.add(
            now,
            bitrate,
            self.target,
            self._sending(now),
            doubtful=losing and self._overuse.clear,
        )
        deep, refuted = self._remb.deep(now), self._delay_based.is_empty(now)
        if refuted and self._remb.cap(now, refuted=True) == math.inf and (deep or not fell):
            return
        cap = self._remb.cap(now, refuted=False)
        if fell or cap < self._remb.options.tolerance * self._sending(now):
            self._follow_remb(now, cap, deep=deep)

    def _follow_remb(self, now: float, cap: float, *, deep: bool) -> None:
        to = max(cap, self._remb.options.early_decrease * self.target)
        capacity: float | None = self._aimd.capacity_near(cap / self._aimd.options.beta)
        if not self._delay_based.is_short(now):
            early = self._overuse.clear and not deep
            self._decrease(now, to if early else cap, "REMB", capacity)
        # arrivals would show a queue: a step at a time, until they do
        elif now - self._aimd.decreased_at >= self._overuse.options.decrease_interval:
            capacity = self._aimd.capacity if deep else capacity
            self._decrease(now, to, "REMB", capacity, measured=True)

    def on_nack(self, now: float, packets: int) -> None:
        """Packets asked for again."""
        if sensible(packets, 1, 1 << 16) is not None and self._advance(now):
            self._feedback.heard(now)
            self._nacks.add(now, packets)

    def on_send_queue(self, now: float, bytes_queued: float, oldest_age: float) -> None:
        """What waits on this side of the socket: bytes, and the age of the oldest in seconds. Call
        it regularly.
        """
        queued, age = sensible(bytes_queued, 0, 1e12), sensible(oldest_age, 0.0, 3600.0)
        if queued is None or age is None or not self._advance(now):
            return
        if self._pacer_queue.add(now, queued, age, self.target):
            self._decrease(now, self._step_down(), "send queue", capacity=self.target)

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
            self._delay_based.arrivals.sent(now, sequence_number, octets)

    def on_resent(self, octets: int) -> None:
        self._delay_based.arrivals.resent(octets)

    # --- outputs

    def take_pause(self) -> float | None:
        """Seconds for which no picture should leave and none is worth keeping, once; then a key
        frame is needed.
        """
        return self._delay_based.take_pause()

    def update(self, now: float) -> int | None:
        """The new target if the encoder should be told one now, else None."""
        if not self._advance(now):
            return None
        elapsed = 0.0 if self._updated_at is None else min(now - self._updated_at, 1.0)
        self._updated_at = now
        if self._feedback.expired(now):
            lower = self._feedback.options.decrease * self.target
            self._decrease(now, lower, _NO_REPORTS, self._aimd.capacity)
        if self._may_grow(now):
            self._grow(now, elapsed)
        else:
            self._aimd.interrupt()
        return self._encoder.follow(now, self._aimd.estimate, self._aimd.cause)

    def _advance(self, now: float) -> bool:
        """Whether `now` is a time and not in the past."""
        if not math.isfinite(now) or now < self._now:
            return False
        self._now = now
        return True

    # --- verdicts

    def _judge_arrivals(self, now: float) -> None:
        aimd = self._aimd
        match self._delay_based.judge(
            now, self.target, aimd.decreased_at, self._overuse.round_trip
        ):
            case QueueSeen(capacity, bitrate):
                if capacity < self._delay_based.options.fits * self.target:
                    self._fitted_at = now
                self._decrease(now, bitrate, "arrivals", max(1.0, capacity), measured=True)
            case NoQueueSeen(carried):
                # the last decrease took it for a queue
                limited_from = self._encoder.limited_from
                if limited_from is not None and aimd.estimate < carried:
                    aimd.estimate = min(carried, limited_from)
                    aimd.cause = "arrivals"

    def _judge_round_trip(self, now: float) -> None:
        overuse, why = self._overuse, "round trip"
        corroborated = not self._loss.low or self._remb.corroborates(now)
        if not overuse.overusing(corroborated=corroborated):
            return
        # it grows: by how fast, one knows what fits
        share = overuse.delivered(self._aimd.options.beta)
        if share is not None:
            self._fit(now, share * self._sent_around(now - overuse.round_trip), why)
        elif overuse.due(now, self._aimd.decreased_at):
            if overuse.path_changed(self.target, lossless=self._loss.low):
                self._aimd.capacity = None
                return
            self._decrease(now, self._step_down(), why, self.target)
        self._drain(now)

    def _judge_loss(self, now: float, sample: LossSample) -> None:
        round_trip = self._overuse.round_trip
        congested = not self._overuse.clear or self._remb.corroborates(now)
        since = self._fitted_at if congested else self._aimd.decreased_at
        match self._loss_based.judge(
            now,
            sample,
            self.target,
            congested=congested,
            decreased_at=since,
            round_trip=round_trip,
        ):
            case Delivered(share):
                self._fit(now, share * self._sent_around(now - round_trip), "loss")
            case TrialDue(factor):
                before = self.target
                self._decrease(now, factor * before, _ON_TRIAL, self._aimd.capacity)
                self._loss_based.begin_trial(now, sample, before, self._aimd.estimate)
            case Congestive(capacity):
                self._aimd.capacity = capacity
            case Inherent(bitrate):
                self._aimd.estimate = max(self._aimd.estimate, bitrate)
                self._aimd.cause = _INHERENT

    # --- down

    def _fit(self, now: float, fits: float, why: str) -> None:
        """Down to what was seen to fit. Absolute, so that late news of what was sent earlier does
        not add up.
        """
        if max(fits, self._remb.arrives(now) or 0.0) < self.target:
            self._fitted_at = now
            self._decrease(now, self._aimd.options.fit_margin * fits, why, capacity=fits)

    def _drain(self, now: float) -> None:
        """Keep under a known capacity by what waits there."""
        excess = self._overuse.excess
        bitrate = self._aimd.drained(excess)
        if bitrate is None or excess <= self._overuse.options.severe:
            return
        if bitrate < self._aimd.estimate:
            self._decrease(now, bitrate, "queue to drain", self._aimd.capacity)

    def _decrease(
        self,
        now: float,
        bitrate: float,
        why: str,
        capacity: float | None,
        *,
        measured: bool = False,
    ) -> None:
        if bitrate < self._limits.min_bitrate == self.target and why not in _NO_SHORTAGE:
            self.short_at = now
        self._loss_based.end_trial()
        arrives = None if measured else self._remb.arrives(now)
        self._aimd.decrease(now, bitrate, capacity, arrives=arrives)
        if self._aimd.estimate < self.target:
            self._encoder.limit()
            self._aimd.cause = why

    def _step_down(self) -> float:
        return self._aimd.options.beta * self.target

    def _sent_around(self, at: float) -> float:
        """bit/s over about the second before `at`: as measured, with retransmissions, or else the
        target of then.
        """
        return self._sent.measured(at) or self._encoder.in_force(at)

    def _sending(self, now: float) -> float:
        """bit/s that leave, as far as known."""
        measured = self._sent.last(now)
        return self.target if measured is None else min(self.target, measured)

    # --- up

    def _may_grow(self, now: float) -> bool:
        hold = self._aimd.options.hold_after_decrease + self._overuse.round_trip
        tolerated = self._loss.options.high + 2 * self._loss.inherent
        return (
            self._feedback.has_report(now)
            and now - self._aimd.decreased_at >= hold
            and not self._loss_based.on_trial
            and (self._delay_based.is_empty(now) or self._is_clear(now))
            and not self._pacer_queue.long
            and self._loss.low
            and self._nacks.ratio(now, self.target) <= tolerated
        )

    def _is_clear(self, now: float) -> bool:
        """As far as round trips tell."""
        waits = self._overuse.excess > self._remb.options.pause_delay
        return self._overuse.clear and not (waits and self._remb.paused(now, self.target))

    def _grow(self, now: float, elapsed: float) -> None:
        empty = self._delay_based.is_empty(now)
        measured = self._sent.last(now)
        sent = math.inf if measured is None else self._aimd.options.sent_slack * measured
        grew = self._aimd.increase(
            now,
            elapsed,
            min(self._remb.cap(now, refuted=empty), sent),
            empty=empty,
            remb=self._remb.known(now),
            headroom=self._overuse.headroom,
        )
        if grew and (
            self._aimd.cause != _INHERENT or self._encoder.is_step_up(self._aimd.estimate)
        ):
            self._aimd.cause = "growth"
