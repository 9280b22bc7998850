"""The clock of pictures whose camera is started more than once."""

from __future__ import annotations

import pytest

from agent.media.timestamp_rebaser import TimestampRebaser
from agent.ports import AccessUnit


def unit(pts: int, captured_at: float) -> AccessUnit:
    return AccessUnit(b"", keyframe=False, pts=pts, captured_at=captured_at)


def test_timestamp_rebaser_first_clock_counts_as_it_is() -> None:
    timeline = TimestampRebaser()
    # before each start, the first one too
    timeline.restart()
    assert [timeline.place(unit(700 + number * 3000, number / 30)).pts for number in range(3)] == [
        700,
        3700,
        6700,
    ]


def test_timestamp_rebaser_keeps_the_gap_of_a_camera_that_was_away() -> None:
    timeline = TimestampRebaser()
    for number in range(3):
        last = timeline.place(unit(number * 3000, 10 + number / 30))
    for away in (2.0, 0.5):
        timeline.restart()
        again = [
            timeline.place(unit(number * 3000, last.captured_at + away + number / 30))
            for number in range(3)
        ]
        assert [each.pts - last.pts for each in again] == [
            round(away * 90_000) + number * 3000 for number in range(3)
        ]
        last = again[-1]


def test_timestamp_rebaser_between_two_starts_the_cameras_own_clock_counts() -> None:
    timeline = TimestampRebaser()
    timeline.place(unit(0, 10.0))
    timeline.restart()
    again = [timeline.place(unit(number * 3000, 11 + number)).pts for number in range(3)]
    assert again == [90_000, 93_000, 96_000]


@pytest.mark.parametrize("captured_at", [9.0, 10.0])
def test_timestamp_rebaser_clock_that_goes_back_costs_one_tick(captured_at: float) -> None:
    timeline = TimestampRebaser()
    timeline.place(unit(90_000, 10.0))
    timeline.restart()
    again = [
        timeline.place(unit(500 + number * 3000, captured_at + number / 30)).pts
        for number in range(2)
    ]
    assert again == [90_001, 93_001]


def test_timestamp_rebaser_two_pictures_of_the_same_time_are_told_apart() -> None:
    timeline = TimestampRebaser()
    assert [timeline.place(unit(pts, 0.0)).pts for pts in (5, 5, 4, 3005)] == [5, 6, 7, 3005]
