"""Freezes of a picture that arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.statistics.freezes import FreezeCounter


def counted(*intervals: float) -> FreezeCounter:
    counter, at = FreezeCounter(), 100.0
    counter.frame(at)
    for interval in intervals:
        at += interval
        counter.frame(at)
    return counter


def test_an_even_picture_has_none() -> None:
    assert counted(*[1 / 30] * 100).count == 0


@pytest.mark.parametrize(("interval", "freezes"), [(0.18, 0), (0.19, 1), (2.0, 1)])
def test_a_gap_of_150_ms_beyond_the_mean_is_one(interval: float, freezes: int) -> None:
    counter = counted(*[1 / 30] * 60, interval, *[1 / 30] * 10)
    assert counter.count == freezes
    assert counter.duration == pytest.approx(interval if freezes else 0.0)


def test_a_slow_picture_freezes_after_three_intervals() -> None:
    assert counted(*[0.2] * 20, 0.55).count == 0
    assert counted(*[0.2] * 20, 0.65).count == 1


def test_a_freeze_does_not_become_the_measure_of_the_next_one() -> None:
    assert counted(*[1 / 30] * 30, 1.0, 1.0, 1.0).count == 3


@given(st.lists(st.floats(min_value=0.001, max_value=10), max_size=60))
def test_the_duration_is_part_of_the_whole(intervals: list[float]) -> None:
    counter = counted(*intervals)
    assert 0 <= counter.duration <= sum(intervals) + 1e-6
    assert (counter.count == 0) == (counter.duration == 0)
