"""What is asked of an encoder: fewer pictures where the bitrate is too low for all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.rate.encoder_demand import (
    FEWEST_BITS_PER_PIXEL,
    MAX_FRAME_DIVISOR,
    EncoderDemand,
)

HD = 1280 * 720 * 30.0  # pixels/s

divisors = st.integers(1, MAX_FRAME_DIVISOR)


@pytest.mark.parametrize(
    ("bitrate", "now", "divisor"),
    [
        (250_000, 1, 1),
        (138_240, 1, 1),
        (138_000, 1, 2),
        (200_000, 2, 2),
        (208_000, 2, 1),
        (60_000, 1, 3),
        (1, 1, 4),
        (4_000_000, 4, 1),
    ],
)
def test_demand_thinned_leaves_pictures_out_where_each_would_be_mud(
    bitrate: int, now: int, divisor: int
) -> None:
    assert EncoderDemand(bitrate).thinned(HD, 1, now) == (bitrate * divisor, divisor)


@given(
    st.builds(EncoderDemand, st.integers(1, 10_000_000), divisors),
    st.floats(1e5, 1e8),
    st.integers(1, 1_000_000),
    divisors,
)
def test_demand_thinned_never_asks_the_encoder_for_less_than_it_should(
    demand: EncoderDemand, pixel_rate: float, min_bitrate: int, now: int
) -> None:
    thinned = demand.thinned(pixel_rate, min_bitrate, now)
    divisor = thinned.frame_divisor
    enough = max(FEWEST_BITS_PER_PIXEL * pixel_rate, min_bitrate)
    sent = demand.bitrate / demand.frame_divisor
    assert 1 <= divisor <= MAX_FRAME_DIVISOR
    assert thinned.bitrate + 1 > enough or divisor == MAX_FRAME_DIVISOR
    assert divisor <= now or sent * (divisor - 1) < enough, "more are left out than need be"
    again = demand.thinned(pixel_rate, min_bitrate, divisor)
    assert again.frame_divisor == divisor, "it flutters"


@given(st.integers(1, 10_000_000), divisors, st.integers(1, 1_000_000))
def test_demand_fitting_sends_the_same_and_never_asks_for_less_than_the_minimum(
    bitrate: int, divisor: int, min_bitrate: int
) -> None:
    bitrate = max(bitrate, min_bitrate)
    demand = EncoderDemand.fitting(bitrate, divisor, min_bitrate)
    assert demand.bitrate >= min_bitrate
    assert demand.frame_divisor <= divisor
    assert demand.sent_bitrate in {bitrate // divisor - 1, bitrate // divisor}


@pytest.mark.parametrize(
    ("bitrate", "divisor", "demand"),
    [(250_000, 3, (250_000, 3)), (400_000, 2, (400_000, 2)), (600_000, 2, (300_000, 1))],
)
def test_demand_fitting_leaves_out_no_more_pictures_than_the_minimum_asks_for(
    bitrate: int, divisor: int, demand: tuple[int, int]
) -> None:
    assert EncoderDemand.fitting(bitrate, divisor, 250_000) == demand


@given(st.builds(EncoderDemand, st.integers(1, 10_000_000), divisors), divisors)
def test_demand_divided_sends_the_same(demand: EncoderDemand, divisor: int) -> None:
    divided = demand.divided(divisor)
    assert divided.frame_divisor == divisor
    assert demand.sent_bitrate - 1 <= divided.sent_bitrate <= demand.sent_bitrate
