"""From what the remote peer reports to the bitrate that the encoder should make.

The sender's half of congestion control as draft-ietf-rmcat-gcc describes it, with or without
transport-wide feedback: a loss-based controller, a delay-based one and a rate controller (AIMD).
docs/rate-control.md draws how signals flow, and says where and why this differs from the draft.

News of a queue is late by the queue. What was seen to fit is therefore an absolute rate (what was
sent then, less what was lost), so that several reports of one event do not add up; relative steps
wait for a round trip. Time is an argument (seconds, any monotonic clock). What is not a sensible
number, or comes from the past, is ignored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from agent.core.rate.aimd import AimdController
from agent.core.rate.bitrate_limits import BitrateLimits
from agent.core.rate.decreases import NO_REPORTS, ON_TRIAL, Decreases
from agent.core.rate.delay_based import NoQueueSeen, QueueSeen
from agent.core.rate.encoder_target import EncoderTarget, QualityLimitationReason
from agent.core.rate.loss_based import (
    Congestive,
    Delivered,
    Inherent,
    LossBasedController,
    TrialDue,
)
from agent.core.rate.loss_meter import LossSample
from agent.core.rate.outage import Outage
from agent.core.rate.probing import Probe
from agent.core.rate.receiver_report import ReceiverReport, sensible
from agent.core.rate.signals import Signals

_INHERENT = "loss is inherent"


class BitrateController:
    """One conversation's target bitrate. Feed it what arrives, call `update` a few times a
    second.
    """

    def __init__(self, limits: BitrateLimits | None = None) -> None:
        self._limits = limits or BitrateLimits()
        self._signals = Signals()
        self._loss_based = LossBasedController(self._signals.loss, self._limits.min_bitrate)
        self._aimd = AimdController(self._limits)
        self._encoder = EncoderTarget(self._limits)
        self._down = Decreases(
            self._limits.min_bitrate, self._signals, self._loss_based, self._aimd, self._encoder
        )
        self._now = -math.inf
        self._updated_at: float | None = None

    @property
    def target(self) -> int:
        """bit/s, what the encoder was last told."""
        return self._encoder.bitrate

    @property
    def short_at(self) -> float:
        """When the path was last seen to hold less than `min_bitrate`."""
        return self._down.short_at

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
        report, signals = report.plausible(), self._signals
        fraction_lost, round_trip_time = report.fraction_lost, report.round_trip_time
        if not self._advance(now) or (fraction_lost is None and round_trip_time is None):
            return
        self._heard(now)
        signals.feedback.reported(now)
        if signals.taints(now, report.highest_sequence):
            signals.begin_anew(now, report)
            return
        sample = None if fraction_lost is None else signals.loss.add(now, fraction_lost)
        if report.jitter is not None:
            signals.overuse.add_jitter(report.jitter)
        if round_trip_time is not None:
            signals.overuse.add(now, round_trip_time)
        signals.delay_based.report(now, report, signals.overuse.base)
        if sample is not None:
            self._judge_loss(now, sample)
        if round_trip_time is not None and not signals.delay_based.knows_queue(now):
            self._judge_round_trip(now)
        self._judge_arrivals(now)

    def on_remb(self, now: float, bitrate: float) -> None:
        """The remote peer's estimate in bit/s."""
        if sensible(bitrate, 1.0, 1e12) is None or not self._advance(now):
            return
        self._heard(now)
        signals, remb = self._signals, self._signals.remb
        signals.feedback.heard(now)
        if signals.outages.taints_remb(now):
            return
        # frames with holes look like a queue to libwebrtc; a real one lengthens round trips
        doubtful = signals.losing(now, self.target) and signals.overuse.clear
        sending = signals.sending(now, self.target)
        fell = remb.add(now, bitrate, self.target, sending, doubtful=doubtful)
        deep, refuted = remb.deep(now), signals.delay_based.is_empty(now)
        if refuted and remb.cap(now, refuted=True) == math.inf and (deep or not fell):
            return
        cap = remb.cap(now, refuted=False)
        if fell or cap < remb.options.tolerance * sending:
            self._down.follow_remb(now, cap, deep=deep)

    def on_transport_feedback(
        self, now: float, first: int, arrivals: Sequence[float | None]
    ) -> None:
        """Of each packet from the transport-wide number `first` (16 bits) on, when it arrived by
        the remote peer's clock, in seconds; None for one that did not.
        """
        if not self._advance(now):
            return
        self._heard(now)
        signals = self._signals
        signals.feedback.heard(now)
        signals.delay_based.told(now, first, arrivals)
        self._judge_arrivals(now)
        fits = signals.probed(now)
        if fits is not None and fits.bitrate > self._aimd.estimate:
            self._aimd.found(fits.bitrate, whole=fits.whole)

    def on_nack(self, now: float, packets: int, run: tuple[int, int] | None = None) -> None:
        """Packets asked for again; `run`: the first and the last of the most in a row."""
        if sensible(packets, 1, 1 << 16) is None or not self._advance(now):
            return
        signals = self._signals
        self._heard(now)
        signals.feedback.heard(now)
        if run is not None and (outage := signals.lost_run(now, *run)):
            self._resume(outage)
        if not signals.outages.settling(now):
            signals.nacks.add(now, packets)

    def on_send_queue(self, now: float, bytes_queued: float, oldest_age: float) -> None:
        """What waits on this side of the socket: bytes, and the age of the oldest in seconds. Call
        it regularly.
        """
        queued, age = sensible(bytes_queued, 0, 1e12), sensible(oldest_age, 0.0, 3600.0)
        if queued is None or age is None or not self._advance(now):
            return
        if self._signals.pacer_queue.add(now, queued, age, self.target):
            self._down.to(now, self._down.step, "send queue", capacity=self.target)

    def on_sent_bitrate(self, now: float, bitrate: float) -> None:
        """What was sent in the last second, retransmissions too, bit/s. If never told, the target
        is taken for it.
        """
        if sensible(bitrate, 0.0, 1e12) is not None and self._advance(now):
            self._signals.sent.add(now, bitrate)

    def on_packets(self, now: float, sequence_number: int, octets: int) -> None:
        """Packets have left, the last with this sequence number. Without it, what arrives is not
        known.
        """
        if self._advance(now):
            self._signals.delay_based.arrivals.sent(now, sequence_number, octets)

    def on_resent(self, octets: int) -> None:
        self._signals.delay_based.arrivals.resent(octets)

    def on_numbered(self, now: float, number: int, sizes: Sequence[int]) -> None:
        """Packets of so many octets have left, the first with this transport-wide number."""
        if self._advance(now):
            self._signals.delay_based.transport.log.sent(now, number, sizes)

    def on_probe(self, now: float, *, begins: bool) -> None:
        """What leaves next is the first packet of a probe, or the first behind it."""
        number = self._signals.delay_based.transport.log.next_number
        (self._signals.prober.began if begins else self._signals.prober.ended)(now, number)

    # --- outputs

    def take_pause(self) -> float | None:
        """Seconds for which no picture should leave and none is worth keeping, once; then a key
        frame is needed.
        """
        return self._signals.delay_based.take_pause()

    def take_probe(self, now: float) -> Probe | None:
        """What to send now, beside pictures, to find out whether the path holds more."""
        if not self._may_grow(now):
            self._signals.prober.disturb()
            return None
        return self._signals.probe(now, self.target, self._aimd.estimate, self._limits.max_bitrate)

    def update(self, now: float) -> int | None:
        """The new target if the encoder should be told one now, else None."""
        if not self._advance(now):
            return None
        elapsed = 0.0 if self._updated_at is None else min(now - self._updated_at, 1.0)
        self._updated_at = now
        if self._signals.feedback.expired(now):
            lower = self._signals.feedback.options.decrease * self.target
            self._down.to(now, lower, NO_REPORTS, self._aimd.capacity)
        if self._may_grow(now):
            self._grow(now, elapsed)
        else:
            self._aimd.interrupt()
        return self._encoder.follow(now, self._aimd.estimate, self._aimd.cause)

    # --- outages and pauses

    def carried(self, now: float) -> int:
        """bit/s to go on with after a pause, on the same path: the target; the one from before an
        outage that still lasts, less a margin.
        """
        outage = self._signals.outages.lasting(now)
        return self.target if outage is None else max(self.target, self._right_after(outage))

    def forgetful(self, now: float) -> BitrateController:
        """One for the first picture after a pause: of the path it knows what was carried, and no
        more.
        """
        fresh = BitrateController(replace(self._limits, bitrate=self.carried(now)))
        if self._signals.outages.begun:
            fresh.begin(now)
        return fresh

    def begin(self, now: float) -> None:
        """The first picture follows. Reports may still tell of what happened since the last."""
        self._signals.outages.end(now)

    def _right_after(self, outage: Outage) -> int:
        """bit/s."""
        return round(self._signals.outages.keeps(outage) * self._before(outage))

    def _before(self, outage: Outage) -> float:
        """The target of then, in bit/s."""
        return outage.bitrate or self._encoder.in_force(outage.began)

    def _heard(self, now: float) -> None:
        if outage := self._signals.outages.heard(now, self.target):
            self._resume(outage)

    def _resume(self, outage: Outage) -> None:
        """The rate from before it, and back to all of it as below a known capacity."""
        self._loss_based.end_trial()
        self._signals.delay_based.transport.forget()
        bitrate = self._right_after(outage)
        if bitrate > self._aimd.estimate:
            self._encoder.release()
            self._aimd.resume(bitrate, self._before(outage))

    def _advance(self, now: float) -> bool:
        """Whether `now` is a time and not in the past."""
        if not math.isfinite(now) or now < self._now:
            return False
        self._now = now
        return True

    # --- verdicts

    def _judge_arrivals(self, now: float) -> None:
        aimd = self._aimd
        match self._signals.delay_based.judge(
            now, self.target, aimd.decreased_at, self._signals.overuse.round_trip
        ):
            case QueueSeen(capacity, bitrate):
                if capacity < self._signals.delay_based.options.fits * self.target:
                    self._down.fitted_at = now
                self._down.to(now, bitrate, "arrivals", max(1.0, capacity), measured=True)
            case NoQueueSeen(carried):
                # the last decrease took it for a queue
                limited_from = self._encoder.limited_from
                if limited_from is not None and aimd.estimate < carried:
                    aimd.estimate = min(carried, limited_from)
                    aimd.cause = "arrivals"

    def _judge_round_trip(self, now: float) -> None:
        overuse, why = self._signals.overuse, "round trip"
        corroborated = not self._signals.loss.low or self._signals.remb.corroborates(now)
        if not overuse.overusing(corroborated=corroborated):
            return
        # it grows: by how fast, one knows what fits
        share = overuse.delivered(self._aimd.options.beta)
        if share is not None:
            self._down.fit(now, share * self._down.sent_around(now - overuse.round_trip), why)
        elif overuse.due(now, self._aimd.decreased_at):
            if overuse.path_changed(self.target, lossless=self._signals.loss.low):
                self._aimd.capacity = None
                return
            self._down.to(now, self._down.step, why, self.target)
        self._down.drain(now)

    def _judge_loss(self, now: float, sample: LossSample) -> None:
        round_trip = self._signals.overuse.round_trip
        congested = not self._signals.overuse.clear or self._signals.remb.corroborates(now)
        since = self._down.fitted_at if congested else self._aimd.decreased_at
        match self._loss_based.judge(
            now,
            sample,
            self.target,
            congested=congested,
            decreased_at=since,
            round_trip=round_trip,
        ):
            case Delivered(share):
                self._down.fit(now, share * self._down.sent_around(now - round_trip), "loss")
            case TrialDue(factor):
                before = self.target
                self._down.to(now, factor * before, ON_TRIAL, self._aimd.capacity)
                self._loss_based.begin_trial(now, sample, before, self._aimd.estimate)
            case Congestive(capacity):
                self._aimd.capacity = capacity
            case Inherent(bitrate):
                self._aimd.estimate = max(self._aimd.estimate, bitrate)
                self._aimd.cause = _INHERENT

    # --- up

    def _may_grow(self, now: float) -> bool:
        hold = self._aimd.options.hold_after_decrease + self._signals.overuse.round_trip
        return (
            now - self._aimd.decreased_at >= hold
            and not self._loss_based.on_trial
            and self._signals.may_grow(now, self.target)
        )

    def _grow(self, now: float, elapsed: float) -> None:
        empty = self._signals.delay_based.is_empty(now)
        measured = self._signals.sent.last(now)
        sent = math.inf if measured is None else self._aimd.options.sent_slack * measured
        grew = self._aimd.increase(
            now,
            elapsed,
            min(self._signals.remb.cap(now, refuted=empty), sent, self._signals.prober.limit(now)),
            empty=empty,
            remb=self._signals.remb.known(now) or self._signals.delay_based.is_told(now),
            headroom=self._signals.overuse.headroom,
        )
        if grew and (
            self._aimd.cause != _INHERENT or self._encoder.is_step_up(self._aimd.estimate)
        ):
            self._aimd.cause = "growth"
