from __future__ import annotations

import random

import pytest

from tests.bench.slopes import after, left_over, slope


def test_the_slope_of_a_line() -> None:
    assert slope([(0, 1.0), (10, 6.0), (30, 16.0)]) == 0.5


def test_nothing_grows_where_there_is_nothing_to_compare() -> None:
    assert slope([]) == slope([(5, 1.0)]) == slope([(5, 1.0), (5, 9.0)]) == 0.0


def test_samples_that_are_off_do_not_count() -> None:
    generator = random.Random(3)
    points = [
        (float(calls), 0.25 * calls + generator.uniform(-1, 1)) for calls in range(0, 2000, 50)
    ]
    for at in (0, 7, 20, 39):
        points[at] = (points[at][0], 5000.0)
    assert slope(points) == pytest.approx(0.25, rel=0.05)


def test_what_is_used_at_times_is_not_left_over() -> None:
    assert left_over([(0, 10), (1, 14), (2, 10), (3, 12), (4, 13), (5, 10)]) == 0
    assert left_over([(0, 10), (1, 11), (2, 12), (3, 13), (4, 14), (5, 15)]) == 4


def test_the_first_samples_are_left_out() -> None:
    assert after([(10, 1.0), (20, 2.0), (30, 3.0)], 20) == [(20, 2.0), (30, 3.0)]
