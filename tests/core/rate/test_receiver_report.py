"""One report block."""

from __future__ import annotations

import math

import pytest

from agent.core.rate.receiver_report import ReceiverReport, sensible


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0, 1e9])
def test_receiver_report_plausible_drops_what_cannot_be(bad: float) -> None:
    report = ReceiverReport(bad, bad, bad, 7, 3, bad).plausible()
    assert report == ReceiverReport(None, None, None, 7, 3, 0.0)


def test_receiver_report_plausible_keeps_what_can_be() -> None:
    report = ReceiverReport(0.1, 0.04, 0.002, 7, 3, 0.5)
    assert report.plausible() == report


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), (0.0, 0.0), (1.0, 1.0), (1.1, None), (math.nan, None)]
)
def test_sensible_is_finite_and_within(value: float | None, expected: float | None) -> None:
    assert sensible(value, 0.0, 1.0) == expected
