"""The queue as round trips tell it."""

from __future__ import annotations

import pytest

from agent.core.rate.round_trip import OveruseDetector

BASE = 0.04
BETA = 0.85


def detector(*round_trips: float, interval: float = 1.0) -> OveruseDetector:
    made = OveruseDetector()
    for number, round_trip in enumerate((BASE, *round_trips)):
        made.add(number * interval, round_trip)
    return made


def test_overuse_detector_knows_nothing_at_first() -> None:
    fresh = OveruseDetector()
    assert (fresh.base, fresh.excess, fresh.clear, fresh.headroom) == (None, 0.0, True, 1.0)
    assert not fresh.overusing(corroborated=True)


def test_overuse_detector_measures_over_the_shortest_round_trip() -> None:
    queued = detector(0.10)
    assert queued.base == BASE
    assert queued.excess == pytest.approx(0.06)
    assert queued.change == pytest.approx(0.06)
    assert not queued.clear
    assert queued.headroom == 0


def test_overuse_detector_forgets_a_base_that_is_old() -> None:
    path = detector(*[0.10] * 40)
    assert (path.base, path.excess) == (0.10, 0.0)


def test_overuse_detector_needs_persistence_corroboration_or_a_severe_queue() -> None:
    assert not detector(0.10).overusing(corroborated=False)
    assert detector(0.10).overusing(corroborated=True)
    assert detector(0.10, 0.10).overusing(corroborated=False)
    assert detector(BASE + 0.21).overusing(corroborated=False)


def test_overuse_detector_takes_a_rise_of_jitter_for_corroboration() -> None:
    queued = detector(0.10)
    queued.add_jitter(0.005)
    assert not queued.overusing(corroborated=False)
    queued.add_jitter(0.020)
    assert queued.overusing(corroborated=False)


def test_overuse_detector_threshold_grows_with_the_path() -> None:
    long_path = OveruseDetector()
    long_path.add(0.0, 0.4)
    assert long_path.threshold == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("round_trip", "share"), [(BASE + 0.1, None), (BASE + 0.2, 0.8), (BASE + 0.9, 0.5)]
)
def test_overuse_detector_tells_what_was_delivered_while_the_queue_grew(
    round_trip: float, share: float | None
) -> None:
    assert detector(round_trip).delivered(BETA) == (None if share is None else pytest.approx(share))


def test_overuse_detector_step_is_due_a_round_trip_after_the_last_unless_it_drains() -> None:
    standing = detector(0.2, 0.2)
    assert not standing.due(2.0, 1.5)
    assert standing.due(2.5, 1.5)
    assert not detector(0.3, 0.2).due(2.5, 1.5)


def test_overuse_detector_takes_a_round_trip_that_no_decrease_moves_for_the_path() -> None:
    longer = detector(0.3, 0.3)
    assert not longer.path_changed(1e6, lossless=True)
    assert not longer.path_changed(0.7e6, lossless=True)
    assert not longer.path_changed(0.6e6, lossless=False)
    assert longer.path_changed(0.6e6, lossless=True)
    assert (longer.base, longer.excess) == (0.3, 0.0)
    assert not longer.overusing(corroborated=True)
