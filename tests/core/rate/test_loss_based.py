"""The loss-based controller: whose loss it is."""

from __future__ import annotations

import pytest

from agent.core.rate.loss_based import (
    Congestive,
    Delivered,
    Inherent,
    LossBasedController,
    LossVerdict,
    TrialDue,
)
from agent.core.rate.loss_meter import LossMeter

MIN_BITRATE = 250_000
ROUND_TRIP = 0.05


class Judged:
    """A report a second, without another signal unless `congested`."""

    def __init__(self) -> None:
        self.meter = LossMeter()
        self.controller = LossBasedController(self.meter, MIN_BITRATE)
        self.now = 100.0
        self.decreased_at = 0.0

    def report(
        self, loss: float, target: float = 1e6, *, congested: bool = False
    ) -> LossVerdict | None:
        self.now += 1.0
        sample = self.meter.add(self.now, loss)
        assert sample is not None
        verdict = self.controller.judge(
            self.now,
            sample,
            target,
            congested=congested,
            decreased_at=self.decreased_at,
            round_trip=ROUND_TRIP,
        )
        if isinstance(verdict, TrialDue):
            self.controller.begin_trial(self.now, sample, target, verdict.factor * target)
        return verdict


def test_loss_based_holds_between_low_and_high() -> None:
    judged = Judged()
    assert [judged.report(0.05) for _ in range(8)] == [None] * 8


def test_loss_based_tries_after_holding_for_long() -> None:
    judged = Judged()
    verdicts = [judged.report(0.05) for _ in range(9)]
    assert verdicts[-1] == TrialDue(0.90)
    assert judged.controller.on_trial


def test_loss_based_backs_off_from_congestion_to_what_is_delivered() -> None:
    assert Judged().report(0.30, congested=True) == Delivered(0.70)
    assert Judged().report(0.99, congested=True) == Delivered(0.25)


def test_loss_based_waits_for_samples_that_lie_after_the_last_decrease() -> None:
    judged = Judged()
    judged.decreased_at = judged.now + 0.5
    assert judged.report(0.30, congested=True) is None


def test_loss_based_finds_loss_that_follows_the_rate_congestive() -> None:
    judged = Judged()
    assert judged.report(0.15) == TrialDue(0.90)
    verdicts = [judged.report(0.04, 900_000) for _ in range(3)]
    verdict = next(each for each in verdicts if each is not None)
    assert isinstance(verdict, Congestive)
    assert verdict.capacity == pytest.approx(850_000)
    assert judged.meter.inherent == 0


def test_loss_based_finds_loss_that_stays_inherent() -> None:
    judged = Judged()
    judged.report(0.15)
    verdicts = [judged.report(0.15, 900_000) for _ in range(3)]
    assert [each for each in verdicts if each is not None] == [Inherent(1e6)]
    assert judged.meter.inherent == pytest.approx(0.15)
    assert judged.meter.low


def test_loss_based_ends_a_trial_when_the_rate_changes_for_another_reason() -> None:
    judged = Judged()
    judged.report(0.15)
    judged.controller.end_trial()
    assert not judged.controller.on_trial


def test_loss_based_takes_loss_at_the_minimum_for_inherent_without_a_trial() -> None:
    judged = Judged()
    judged.report(0.15, MIN_BITRATE)
    assert not judged.controller.on_trial
    assert judged.meter.inherent == pytest.approx(0.15)
