"""Whom the one encoder follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand
from agent.core.rate.shared_encoder import EncoderClaim, shared_demand

FOLLOW, IGNORE = SharedBitrate.FOLLOW, SharedBitrate.IGNORE
OTHERWISE = EncoderDemand(2_000_000)


def claim(bitrate: int | None, shared: SharedBitrate = FOLLOW, divisor: int = 1) -> EncoderClaim:
    return EncoderClaim(None if bitrate is None else EncoderDemand(bitrate, divisor), shared)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([], OTHERWISE),
        ([claim(None)], OTHERWISE),
        ([claim(500_000), claim(900_000)], (500_000, 1)),
        ([claim(500_000), claim(900_000, divisor=2)], (900_000, 2)),
        ([claim(500_000, IGNORE), claim(900_000)], (900_000, 1)),
        # it has not said one yet, and is followed all the same
        ([claim(500_000, IGNORE), claim(None)], OTHERWISE),
        ([claim(500_000, IGNORE), claim(900_000, IGNORE)], (500_000, 1)),
    ],
)
def test_shared_demand_is_that_of_the_weakest_who_is_followed(
    claims: list[EncoderClaim], expected: tuple[int, int]
) -> None:
    assert shared_demand(claims, OTHERWISE) == expected


demands = st.none() | st.builds(EncoderDemand, st.integers(1, 10_000_000), st.integers(1, 4))
everybody = st.lists(st.builds(EncoderClaim, demands, st.sampled_from(SharedBitrate)), max_size=6)


@given(everybody, demands)
def test_shared_demand_ignores_who_is_not_followed(
    others: list[EncoderClaim], demand: EncoderDemand | None
) -> None:
    if any(each.shared is FOLLOW for each in others):
        assert shared_demand([*others, EncoderClaim(demand, IGNORE)], OTHERWISE) == shared_demand(
            others, OTHERWISE
        )


@given(everybody)
def test_shared_demand_is_one_of_the_claims_and_sends_no_more_than_any_followed(
    claims: list[EncoderClaim],
) -> None:
    made = shared_demand(iter(claims), OTHERWISE)
    assert made in {OTHERWISE, *(each.demand for each in claims)}
    followed = [each for each in claims if each.shared is FOLLOW]
    for each in followed or claims:
        assert each.demand is None or made.sent_bitrate <= each.demand.sent_bitrate
