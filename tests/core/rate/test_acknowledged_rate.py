from __future__ import annotations

from agent.core.rate.acknowledged_rate import WINDOW, AcknowledgedRate


def test_acknowledged_rate_unknown_is_nothing() -> None:
    rate = AcknowledgedRate()
    rate.add(0.0, None)
    assert rate.best(0.0) == 0


def test_acknowledged_rate_best_of_the_window_counts() -> None:
    rate = AcknowledgedRate()
    for at, bitrate in ((0.0, 4e6), (10.0, 1e6), (20.0, 2e6)):
        rate.add(at, bitrate)
    assert rate.best(30.0) == 4e6
    assert rate.best(WINDOW + 5.0) == 2e6
    assert rate.best(WINDOW + 50.0) == 0
