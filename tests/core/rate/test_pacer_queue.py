"""What waits on this side of the socket."""

from __future__ import annotations

import pytest

from agent.core.rate.pacer_queue import PacerQueueMonitor

TARGET = 1_000_000


@pytest.mark.parametrize(("queued", "age"), [(0, 0.3), (50_000, 0.0)])
def test_pacer_queue_is_told_once_it_persists_and_again_after_as_long(
    queued: float, age: float
) -> None:
    monitor = PacerQueueMonitor()
    told = [monitor.add(tick / 5, queued, age, TARGET) for tick in range(12)]
    assert [tick for tick, each in enumerate(told) if each] == [5, 10]
    assert monitor.long


def test_pacer_queue_that_a_key_frame_makes_is_not_told() -> None:
    monitor = PacerQueueMonitor()
    for now, age in ((0.0, 0.3), (0.6, 0.3), (0.9, 0.0), (1.0, 0.3), (1.9, 0.3)):
        assert not monitor.add(now, 0, age, TARGET)
    assert monitor.long
