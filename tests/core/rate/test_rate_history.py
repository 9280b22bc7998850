"""What a rate was, some seconds ago."""

from __future__ import annotations

import math

import pytest

from agent.core.rate.rate_history import HISTORY_AGE, MEASURED_AGE, RateHistory


@pytest.fixture
def history() -> RateHistory:
    history = RateHistory()
    history.add(-math.inf, 1.0)
    history.add(1.0, 2.0)
    history.add(2.0, 3.0)
    return history


@pytest.mark.parametrize(("at", "rate"), [(0.0, 1.0), (1.0, 2.0), (1.9, 2.0), (9.0, 3.0)])
def test_rate_in_force_is_the_last_one_set(history: RateHistory, at: float, rate: float) -> None:
    assert history.in_force(at) == rate


@pytest.mark.parametrize(("at", "rate"), [(0.5, 2.0), (1.5, 3.0), (2.5, None)])
def test_rate_measured_is_the_first_one_taken_after(
    history: RateHistory, at: float, rate: float | None
) -> None:
    assert history.measured(at) == rate


def test_rate_last_goes_stale(history: RateHistory) -> None:
    assert history.last(2.0 + MEASURED_AGE) == 3.0
    assert history.last(2.1 + MEASURED_AGE) is None


def test_rate_history_keeps_what_was_in_force_at_its_far_end(history: RateHistory) -> None:
    history.add(2.5 + HISTORY_AGE, 4.0)
    assert history.in_force(2.4) == 3.0
    assert history.in_force(1.5) is None
    assert RateHistory().in_force(0.0) is None
