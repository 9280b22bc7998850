from __future__ import annotations

from tests.bench.series import Sample, Span, after_first_quarter, drift, floors


def test_the_first_quarter_of_the_time_is_left_out_not_of_the_samples() -> None:
    samples = [Sample(100, 1), Sample(101, 2), Sample(102, 3), Sample(110, 4), Sample(140, 5)]
    assert after_first_quarter(samples) == samples[3:]
    assert after_first_quarter([]) == []


def test_the_floor_of_each_window() -> None:
    samples = [Sample(0.5, 9), Sample(4.9, 7), Sample(5.0, 8), Sample(14, 3)]
    assert floors(samples, 5) == [Sample(0, 7), Sample(5, 8), Sample(10, 3)]


def test_windows_that_a_stall_touches_have_no_floor() -> None:
    samples = [Sample(at, at) for at in range(20)]
    assert floors(samples, 5, [Span(4.5, 5.5)]) == [Sample(10, 10), Sample(15, 15)]
    assert [at for at, _ in floors(samples, 5, [Span(5, 10)])] == [0, 10, 15]


def test_drift_compares_the_first_quarter_with_the_last() -> None:
    assert drift([Sample(at, value) for at, value in enumerate([1, 1, 9, 9, 9, 9, 4, 4])]) == 3
    assert drift([Sample(0, 1), Sample(1, 2), Sample(2, 3)]) == 0
