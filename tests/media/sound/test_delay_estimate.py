"""How long sound must wait."""

from __future__ import annotations

from agent.media.sound.delay_estimate import FIRST_JITTER, GUARD, MAX_DELAY, DelayEstimate


def test_delay_estimate_leaves_a_few_in_a_hundred_late() -> None:
    estimate = DelayEstimate()
    for number in range(500):
        estimate.add(0.02 * number, 5.0 + (0.08 if number % 100 == 0 else 0.001 * (number % 31)))
    assert 5.029 <= estimate.target <= 5.030 + GUARD + 0.001


def test_delay_estimate_is_bounded() -> None:
    estimate = DelayEstimate()
    for number in range(500):
        estimate.add(0.02 * number, 5.0 + number / 500)
    assert estimate.target <= 5.0 + MAX_DELAY


def test_delay_estimate_tells_another_stream() -> None:
    estimate = DelayEstimate()
    assert not estimate.is_foreign(5.0)
    estimate.add(0.0, 5.0)
    assert not estimate.is_foreign(6.0)
    assert estimate.is_foreign(50.0)


def test_delay_estimate_forgets_after_ten_seconds_also_where_little_is_said() -> None:
    estimate = DelayEstimate()
    estimate.add(0.0, 5.1)
    for number in range(60):
        estimate.add(0.2 * number, 5.0)
    assert estimate.target < 5.0 + FIRST_JITTER
