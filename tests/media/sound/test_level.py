"""What a level of 0 to 100 makes of a signal."""

from __future__ import annotations

import math

import pytest

from agent.media.sound.level import Level, decibels, loudness
from tests.fakes.playout import constant
from tests.media.sound.tones import tone


def test_decibels_of_a_level() -> None:
    assert decibels(100) == 0
    assert decibels(50) == pytest.approx(-18.06, abs=0.01)
    assert decibels(0) == -math.inf


def test_level_of_100_changes_nothing() -> None:
    assert Level(100).apply(constant(1234)) == constant(1234)


def test_level_follows_its_curve_as_it_is_turned() -> None:
    level = Level()
    for turned, loud in ((80, 10_240), (50, 2_500), (0, 0)):
        level.turn(turned)
        assert level.level == turned
        assert level.apply(constant(20_000)) in (
            constant(loud),
            constant(loud - 1),
            constant(loud + 1),
        )


def test_level_that_the_card_keeps_leaves_silence_to_us() -> None:
    level = Level(50)
    card: list[int] = []

    def set_card(turned: int) -> bool:
        card.append(turned)
        return True

    level.leave_to(set_card)
    assert level.apply(constant(20_000)) == constant(20_000)
    level.turn(0)
    assert level.apply(constant(20_000)) == constant(0)
    level.turn(70)
    assert level.apply(constant(20_000)) == constant(20_000)
    assert card == [50, 0, 70]
    level.leave_to(None)
    level.turn(50)
    assert level.apply(constant(20_000)) == constant(2_500)
    assert card == [50, 0, 70]


def test_level_that_the_card_could_not_take_is_made_here() -> None:
    level = Level(50)
    level.leave_to(lambda _level: False)
    assert level.apply(constant(20_000)) == constant(2_500)


def test_loudness_of_a_tone_and_of_silence() -> None:
    assert loudness(tone(1000, 4800, 32_768 / 10)) == pytest.approx(-23, abs=0.5)
    assert loudness(constant(0)) == -math.inf
