"""The loss-based controller (draft-ietf-rmcat-gcc section 6): back off from congestion, and where
round trips are short find out whose loss it is.

A bottleneck of capacity C loses 1 - C/R of a rate R. So the rate is lowered as an experiment: loss
that falls by about as much was ours, and loss that stays is the path's own (inherent). The
controller acts on the verdicts. Pure: time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.rate.loss_meter import LossMeter, LossSample


@dataclass(frozen=True, slots=True, kw_only=True)
class LossTrialOptions:
    """Fractions of the packets or of the rate, where no unit is given."""

    # at it one sample settles an experiment; half the packets can be cut at once
    severe: float = 0.25
    # a long round trip with loss is evidence enough: what arrives is what fits
    delivered_floor: float = 0.25
    # a tenth less must take about ten points of loss away, five times the noise
    decrease: float = 0.90
    # samples that lie wholly after the step
    samples: int = 2
    # and about this many seconds' worth of packets, or noise decides; at most five samples
    bits: float = 1.5e6
    # seconds between low and high: find out whether the loss is ours
    after_hold: float = 8.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """Congestion: this share of what was sent arrives."""

    share: float


@dataclass(frozen=True, slots=True)
class TrialDue:
    """Lower the target by this factor, and tell `begin_trial` how far it went."""

    factor: float


@dataclass(frozen=True, slots=True)
class Congestive:
    """The loss followed the rate: the path holds this much."""

    capacity: float


@dataclass(frozen=True, slots=True)
class Inherent:
    """The loss is the path's own: the rate before the trial was not too much."""

    bitrate: float


LossVerdict = Delivered | TrialDue | Congestive | Inherent


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

    @property
    def loss(self) -> float:
        """The mean of all samples, the one before the step too."""
        return (self.loss_before + sum(self.losses)) / (1 + len(self.losses))


class LossBasedController:
    """Judges each sample of `meter`, and tells it what is inherent."""

    def __init__(
        self, meter: LossMeter, min_bitrate: int, options: LossTrialOptions | None = None
    ) -> None:
        self._meter = meter
        self._min_bitrate = min_bitrate
        self._options = options or LossTrialOptions()
        self._trial: _Trial | None = None
        # loss between low and high
        self._hold_since: float | None = None

    @property
    def on_trial(self) -> bool:
        return self._trial is not None

    def judge(
        self,
        now: float,
        sample: LossSample,
        target: float,
        *,
        congested: bool,
        decreased_at: float,
        round_trip: float,
    ) -> LossVerdict | None:
        """`congested`: another signal agrees. `decreased_at`: the last decrease that this would add
        to.
        """
        options, bounds, excess = self._options, self._meter.options, self._meter.excess
        if self._trial is not None:
            return self._judge_trial(sample, self._trial, target, round_trip)
        if not bounds.low < excess <= bounds.high:
            self._hold_since = None
        elif self._hold_since is None:
            self._hold_since = now
        if sample.since < decreased_at + round_trip:
            # part of it was sent before the last decrease
            return None
        if excess > bounds.high and congested:
            return Delivered(max(options.delivered_floor, 1 - excess))
        if excess > bounds.high:
            return TrialDue(min(options.decrease, 1 - excess / 2))
        if self._hold_since is not None and now - self._hold_since >= options.after_hold:
            return TrialDue(options.decrease)
        return None

    def begin_trial(self, now: float, sample: LossSample, before: float, bitrate: float) -> None:
        """The target was lowered from `before` to `bitrate` because of this sample."""
        self._hold_since = None
        if before > self._min_bitrate:
            self._trial = _Trial(now, before, bitrate, sample.fraction, [])
        else:
            # at the minimum already: nothing to lose, and growing will tell
            self._meter.accept(sample.fraction)

    def end_trial(self) -> None:
        """The rate has changed for another reason: what comes proves nothing."""
        self._trial = None

    def _judge_trial(
        self, sample: LossSample, trial: _Trial, target: float, round_trip: float
    ) -> Congestive | Inherent | None:
        options = self._options
        if sample.since < trial.started + round_trip:
            # part of it was sent before the step
            return None
        trial.losses.append(sample.fraction)
        needed = 1 if trial.loss_before >= options.severe else options.samples
        if len(trial.losses) < max(needed, min(5, options.bits / target)):
            return None
        self._trial = None
        if trial.follows() or trial.loss > self._meter.options.inherent_max:
            return Congestive(trial.bitrate_before * (1 - self._meter.excess_of(trial.loss_before)))
        self._meter.accept(trial.loss)
        return Inherent(trial.bitrate_before)
