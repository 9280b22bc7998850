"""Loss as reports tell it."""

from __future__ import annotations

import pytest

from agent.core.rate.loss_meter import LossMeter, LossSample


def test_loss_meter_sums_reports_of_less_than_the_interval() -> None:
    meter = LossMeter()
    assert meter.add(1.0, 0.0) == LossSample(0.0, 0.0)
    assert meter.add(1.2, 0.5) is None
    assert meter.add(1.4, 0.5) is None
    sample = meter.add(1.6, 0.0)
    assert sample is not None
    assert sample.since == pytest.approx(1.0)
    assert sample.fraction == pytest.approx(1 / 3)


def test_loss_meter_excess_is_what_the_inherent_loss_leaves() -> None:
    meter = LossMeter()
    meter.add(1.0, 0.10)
    assert (meter.fraction, meter.excess, meter.low) == (0.10, 0.10, False)
    meter.accept(0.10)
    assert (meter.inherent, meter.excess, meter.low) == (0.10, 0.0, True)
    meter.add(2.0, 0.19)
    assert meter.excess == pytest.approx(0.10)


def test_loss_meter_accepts_no_more_than_is_of_use() -> None:
    meter = LossMeter()
    meter.accept(0.9)
    assert meter.inherent == meter.options.inherent_max


def test_loss_meter_forgets_an_inherent_loss_that_is_gone() -> None:
    meter = LossMeter()
    meter.accept(0.10)
    for second in range(10):
        meter.add(float(second), 0.0)
    assert meter.inherent < 0.01
