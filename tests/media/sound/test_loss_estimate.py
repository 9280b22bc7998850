"""Which share of packets gets lost."""

from __future__ import annotations

import random

import pytest

from agent.media.sound.loss_estimate import LossEstimate


def estimate(numbers: list[int]) -> LossEstimate:
    found = LossEstimate()
    for number in numbers:
        found.add(number % 65_536)
    return found


@pytest.mark.parametrize(("loss", "much"), [(0.0, False), (0.05, True), (0.2, True)])
@pytest.mark.parametrize("first", [0, 65_000])
def test_loss_estimate_follows_the_loss(loss: float, much: bool, first: int) -> None:
    chance = random.Random(14)
    found = estimate([first + n for n in range(3000) if chance.random() >= loss])
    assert abs(found.share - loss) < 0.05
    assert found.much is much


def test_loss_estimate_takes_what_is_late_or_twice_there_for_no_loss() -> None:
    pairs = [n + (1, -1)[n % 2] for n in range(1000) for _ in range(2)]
    found = estimate(pairs)
    assert found.share < 0.01
    assert not found.much


def test_loss_estimate_of_another_stream_counts_no_hole() -> None:
    found = estimate([*range(100), *range(40_000, 40_100)])
    assert found.share == 0.0


def test_loss_estimate_ends_with_the_loss() -> None:
    found = estimate([n for n in range(1000) if n % 10])
    assert found.much
    for number in range(1000, 2000):
        found.add(number)
    assert not found.much
