"""The remote peer's own estimate."""

from __future__ import annotations

import math

import pytest

from agent.core.rate.remb import RembEstimate, RembOptions

OPTIONS = RembOptions()
TARGET = SENDING = 1e6


def estimate(*bitrates: float, interval: float = 1.0) -> RembEstimate:
    made = RembEstimate()
    for number, bitrate in enumerate(bitrates):
        made.add(number * interval, bitrate, TARGET, SENDING, doubtful=False)
    return made


def test_remb_unknown_caps_nothing() -> None:
    assert estimate().cap(0.0, refuted=False) == math.inf
    assert estimate(8e5).cap(OPTIONS.age + 1, refuted=False) == math.inf


def test_remb_first_value_is_no_fall() -> None:
    assert not RembEstimate().add(0.0, 1e5, TARGET, SENDING, doubtful=False)


@pytest.mark.parametrize(("value", "falls"), [(9e5, True), (1.19e6, False), (1.5e6, False)])
def test_remb_falls_where_it_is_under_the_target_and_the_one_before(
    value: float, falls: bool
) -> None:
    remb = estimate(1.2e6)
    assert remb.add(1.0, value, TARGET, SENDING, doubtful=False) is falls
    assert remb.corroborates(1.0) is falls
    assert remb.arrives(1.0) == (value if falls else None)


def test_remb_fall_in_doubt_counts_only_where_much_less_arrives() -> None:
    assert not estimate(1.2e6).add(1.0, 9e5, TARGET, SENDING, doubtful=True)
    deep = estimate(1.2e6)
    assert deep.add(1.0, 7e5, TARGET, SENDING, doubtful=True)
    assert deep.deep(1.0)
    assert not deep.deep(1.0 + OPTIONS.deep_age)


def test_remb_that_climbs_may_be_outrun_and_one_that_stands_may_not() -> None:
    assert estimate(7e5, 8e5).cap(1.0, refuted=False) == OPTIONS.slack * 8e5
    standing = estimate(*[8e5] * 10)
    assert standing.cap(9.0, refuted=False) == 8e5
    assert standing.paused(9.0, TARGET)


def test_remb_that_moves_is_refuted_by_arrivals_and_one_that_stands_is_not() -> None:
    assert estimate(7e5, 8e5).cap(1.0, refuted=True) == math.inf
    fallen = estimate(8e5, 6e5)
    assert fallen.cap(1.0, refuted=True) == math.inf
    assert fallen.cap(1.0 + OPTIONS.doubt, refuted=True) == 6e5
    assert estimate(*[8e5] * 10).cap(9.0, refuted=True) == 8e5
