"""Frames made shorter or longer without a click."""

from __future__ import annotations

import random
from array import array
from itertools import pairwise

import pytest

from agent.media.sound.time_scale import (
    FRAME,
    LONGEST_PERIOD,
    fade_in,
    fade_out,
    lengthen,
    shorten,
)
from tests.fakes.opus_stream import Tone


def steepest(samples: bytes) -> int:
    return max(abs(one - other) for one, other in pairwise(array("h", samples)))


@pytest.mark.parametrize("hertz", [110, 220, 437, 1000, 3111])
@pytest.mark.parametrize("change", [shorten, lengthen])
def test_time_scale_of_a_tone_takes_whole_periods(change: object, hertz: int) -> None:
    assert callable(change)
    tone = Tone(hertz)
    before, frame, after = tone.at(0, FRAME), tone.at(FRAME, FRAME), tone.at(2 * FRAME, FRAME)
    changed = change(frame)
    assert abs(len(changed) - len(frame)) >= 240
    assert steepest(before + changed + after) <= 1.05 * tone.steepest + 1


def test_time_scale_of_noise_changes_nothing_unless_forced() -> None:
    rng = random.Random(3)
    noise = array("h", [round(rng.gauss(0, 3000)) for _ in range(FRAME)]).tobytes()
    assert shorten(noise) == lengthen(noise) == noise
    assert len(shorten(noise, force=True)) < len(noise) < len(lengthen(noise, force=True))


def test_time_scale_of_a_quiet_frame_takes_the_most() -> None:
    rng = random.Random(3)
    quiet = array("h", [round(rng.gauss(0, 10)) for _ in range(FRAME)]).tobytes()
    assert len(quiet) - len(shorten(quiet)) == 2 * LONGEST_PERIOD
    assert len(lengthen(quiet)) - len(quiet) == 2 * LONGEST_PERIOD


def test_time_scale_of_a_short_frame_changes_nothing() -> None:
    short = Tone().at(0, 480)
    assert shorten(short) == lengthen(short) == short


def test_fade_begins_and_ends_in_silence() -> None:
    tone = Tone()
    samples = tone.at(60, FRAME)
    silence = bytes(4)
    faded = silence + fade_in(fade_out(samples)) + silence
    assert len(faded) == len(samples) + 8
    assert steepest(faded) <= 1.1 * tone.steepest + 1
