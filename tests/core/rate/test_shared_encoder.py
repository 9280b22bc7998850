"""Whom the one encoder follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.shared_encoder import Wish, shared_bitrate

FOLLOW, IGNORE = SharedBitrate.FOLLOW, SharedBitrate.IGNORE
OTHERWISE = 2_000_000


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ([], OTHERWISE),
        ([Wish(None)], OTHERWISE),
        ([Wish(500_000), Wish(900_000)], 500_000),
        ([Wish(500_000, IGNORE), Wish(900_000)], 900_000),
        # it has not said one yet, and is followed all the same
        ([Wish(500_000, IGNORE), Wish(None)], OTHERWISE),
        ([Wish(500_000, IGNORE), Wish(900_000, IGNORE)], 500_000),
    ],
)
def test_the_weakest_of_those_who_are_followed_leads(wishes: list[Wish], expected: int) -> None:
    assert shared_bitrate(wishes, OTHERWISE) == expected


bitrates = st.none() | st.integers(1, 10_000_000)
everybody = st.lists(st.builds(Wish, bitrates, st.sampled_from(SharedBitrate)), max_size=6)


@given(everybody, bitrates)
def test_one_who_is_ignored_changes_nothing_for_those_who_are_followed(
    others: list[Wish], bitrate: int | None
) -> None:
    if any(wish.shared is FOLLOW for wish in others):
        assert shared_bitrate([*others, Wish(bitrate, IGNORE)], OTHERWISE) == shared_bitrate(
            others, OTHERWISE
        )


@given(everybody)
def test_it_is_somebodys_wish_and_no_higher_than_that_of_anybody_followed(
    wishes: list[Wish],
) -> None:
    made = shared_bitrate(iter(wishes), OTHERWISE)
    assert made in {OTHERWISE, *(wish.bitrate for wish in wishes)}
    followed = [wish for wish in wishes if wish.shared is FOLLOW]
    for wish in followed or wishes:
        assert wish.bitrate is None or made <= wish.bitrate
