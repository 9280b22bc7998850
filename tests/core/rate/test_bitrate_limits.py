"""The bounds of a conversation's bitrate."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from agent.core.rate.bitrate_limits import BitrateLimits


@pytest.mark.parametrize(
    "bounds", [(100, 200, 300), (400, 200, 300), (200, 0, 300), (200, 300, 100)]
)
def test_bitrate_limits_out_of_order_are_refused(bounds: tuple[int, int, int]) -> None:
    bitrate, low, high = bounds
    with pytest.raises(ValueError, match="min_bitrate <= bitrate <= max_bitrate"):
        BitrateLimits(bitrate=bitrate, min_bitrate=low, max_bitrate=high)


def test_bitrate_limits_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        BitrateLimits().bitrate = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("allowed", "bounds"),
    [
        (5_000_000, (1_000_000, 200_000, 3_000_000)),
        (2_000_000, (1_000_000, 200_000, 2_000_000)),
        (300_000, (300_000, 200_000, 300_000)),
        (50_000, (200_000, 200_000, 200_000)),
    ],
)
def test_bitrate_limits_capped_stay_in_order_and_above_the_minimum(
    allowed: int, bounds: tuple[int, int, int]
) -> None:
    assert BitrateLimits(1_000_000, 200_000, 3_000_000).capped(allowed) == BitrateLimits(*bounds)
