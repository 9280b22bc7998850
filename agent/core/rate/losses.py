"""What is to be done about loss: back off from congestion, and where round trips are short find out
whose it is.

A bottleneck of capacity C loses 1 - C/R of a rate R. So the rate is lowered as an experiment: loss
that falls by about as much was ours, and loss that stays is the path's own. The controller acts on
the verdicts. Pure: time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.rate.rate_options import BitrateOptions
from agent.core.rate.rate_signals import Losses, LossSample


@dataclass(frozen=True, slots=True)
class Delivered:
    """Congestion: this share of what was sent arrives."""

    share: float


@dataclass(frozen=True, slots=True)
class PutOnTrial:
    """Lower the target by this factor, and tell `begin_trial` how far it went."""

    factor: float


@dataclass(frozen=True, slots=True)
class Ours:
    """The loss followed the rate: the path holds this much."""

    capacity: float


@dataclass(frozen=True, slots=True)
class Inherent:
    """The loss is the path's own: the rate before the trial was not too much."""

    bitrate: float


LossVerdict = Delivered | PutOnTrial | Ours | Inherent


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


class LossJudge:
    """Judges each sample of `losses`, and tells it what is inherent."""

    def __init__(self, options: BitrateOptions, losses: Losses) -> None:
        self._options = options
        self._losses = losses
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
        options, excess = self._options, self._losses.excess
        if self._trial is not None:
            return self._judge_trial(sample, self._trial, target, round_trip)
        if not options.loss_low < excess <= options.loss_high:
            self._hold_since = None
        elif self._hold_since is None:
            self._hold_since = now
        if sample.since < decreased_at + round_trip:
            # part of it was sent before the last decrease
            return None
        if excess > options.loss_high and congested:
            return Delivered(max(options.delivered_floor, 1 - excess))
        if excess > options.loss_high:
            return PutOnTrial(min(options.trial_decrease, 1 - excess / 2))
        if self._hold_since is not None and now - self._hold_since >= options.trial_after_hold:
            return PutOnTrial(options.trial_decrease)
        return None

    def begin_trial(self, now: float, sample: LossSample, before: float, bitrate: float) -> None:
        """The target was lowered from `before` to `bitrate` because of this sample."""
        self._hold_since = None
        if before > self._options.min_bitrate:
            self._trial = _Trial(now, before, bitrate, sample.fraction, [])
        else:
            # at the minimum already: nothing to lose, and growing will tell
            self._losses.accept(sample.fraction)

    def end_trial(self) -> None:
        """The rate has changed for another reason: what comes proves nothing."""
        self._trial = None

    def _judge_trial(
        self, sample: LossSample, trial: _Trial, target: float, round_trip: float
    ) -> Ours | Inherent | None:
        options = self._options
        if sample.since < trial.started + round_trip:
            # part of it was sent before the step
            return None
        trial.losses.append(sample.fraction)
        needed = 1 if trial.loss_before >= options.loss_severe else options.trial_samples
        if len(trial.losses) < max(needed, min(5, options.trial_bits / target)):
            return None
        self._trial = None
        if trial.follows() or trial.loss > options.inherent_loss_max:
            return Ours(trial.bitrate_before * (1 - self._losses.excess_of(trial.loss_before)))
        self._losses.accept(trial.loss)
        return Inherent(trial.bitrate_before)
