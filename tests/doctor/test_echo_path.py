"""A chirp that was played is found in what was heard."""

from __future__ import annotations

import math
import random
from array import array

import pytest

from agent.doctor.echo_path import chirp, measure_echo
from agent.media.sound.level import loudness

BEFORE = 24_000


def room(delay: int, gain: float, noise: int = 100) -> bytes:
    """Half a second of noise, the chirp `delay` samples after that, and noise."""
    chance = random.Random(1)
    samples = [chance.randint(-noise, noise) for _ in range(3 * BEFORE)]
    for number, value in enumerate(array("h", chirp()), BEFORE + delay):
        samples[number] = max(-32_768, min(32_767, samples[number] + round(gain * value)))
    return array("h", samples).tobytes()


@pytest.mark.parametrize(("delay", "gain"), [(2_400, 1.0), (9_600, 0.1), (4_800, 0.03)])
def test_measure_echo_finds_delay_and_loss(delay: int, gain: float) -> None:
    path = measure_echo(room(delay, gain), BEFORE / 48_000)
    assert path.round_trip == pytest.approx(delay / 48_000, abs=0.001)
    assert path.loss == pytest.approx(-20 * math.log10(gain), abs=1)
    assert path.background == pytest.approx(-55, abs=2)
    assert not path.clipped


def test_measure_echo_of_a_chirp_that_is_not_heard() -> None:
    path = measure_echo(room(0, 0.0), BEFORE / 48_000)
    assert (path.round_trip, path.loss) == (None, None)


def test_measure_echo_of_digital_silence() -> None:
    path = measure_echo(bytes(6 * BEFORE), BEFORE / 48_000)
    assert (path.background, path.heard, path.loss) == (-math.inf, -math.inf, None)


def test_measure_echo_that_clips() -> None:
    assert measure_echo(room(480, 5.0), BEFORE / 48_000).clipped


def test_chirp_is_soft() -> None:
    assert -20 < loudness(chirp()) < -10
