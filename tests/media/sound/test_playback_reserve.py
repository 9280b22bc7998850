"""The reserve of a player, by periods that are written and underruns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.media.sound.playback_reserve import PlaybackReserve


def periods_until_less(reserve: PlaybackReserve) -> int:
    before = reserve.periods
    for number in range(1, 100_000):
        if reserve.written():
            assert reserve.periods == before - 1
            return number
    raise AssertionError("never less")


def test_playback_reserve_begins_with_the_least_and_stays_there() -> None:
    reserve = PlaybackReserve(least=2, most=8)
    assert not any(reserve.written() for _ in range(5000))
    assert reserve.periods == 2


def test_playback_reserve_is_less_once_it_has_not_run_dry_for_long() -> None:
    reserve = PlaybackReserve(least=2, most=8)
    reserve.ran_dry()
    assert reserve.periods == 3
    assert periods_until_less(reserve) == 1000
    assert not any(reserve.written() for _ in range(5000))


def test_playback_reserve_counts_calm_from_the_last_underrun() -> None:
    reserve = PlaybackReserve(least=2, most=8)
    reserve.ran_dry()
    assert not any(reserve.written() for _ in range(999))
    reserve.ran_dry()
    assert reserve.periods == 4
    assert periods_until_less(reserve) == 2000


def test_playback_reserve_tries_less_ever_more_rarely_where_it_is_needed() -> None:
    """A machine that needs three periods would click every ten seconds for ever."""
    reserve = PlaybackReserve(least=2, most=8)
    waits = []
    for _ in range(8):
        reserve.ran_dry()
        waits.append(periods_until_less(reserve))
    assert waits == [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]


@given(st.lists(st.sampled_from(["dry", "calm"]), max_size=60))
def test_playback_reserve_stays_between_its_bounds(steps: list[str]) -> None:
    reserve = PlaybackReserve(least=2, most=4)
    for step in steps:
        if step == "dry":
            reserve.ran_dry()
        else:
            for _ in range(3000):
                reserve.written()
        assert 2 <= reserve.periods <= 4
