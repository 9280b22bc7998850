"""WebRTC's audio processing, by each binding, on echoes that are made up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from agent.media.sound.echo_canceller import EchoCanceller
from agent.media.sound.speech_processor import PROCESSORS, Processing
from agent.ports import PCM_FRAME_SAMPLES
from tests.fakes.playout import constant

pytestmark = pytest.mark.media

RATE = 48_000
Signal = npt.NDArray[np.float64]


def voice(seed: int, seconds: int, hertz: float = 110) -> Signal:
    """Like speech: a pitch that wanders, syllables, and breath; at most half of full scale."""
    chance = np.random.default_rng(seed)
    time = np.arange(RATE * seconds) / RATE
    pitch = 2 * np.pi * np.cumsum(hertz + 30 * np.sin(4.4 * time + seed)) / RATE
    syllables = np.clip(np.sin(14.5 * time + seed) + 0.3 * np.sin(2.3 * time), 0, 1)
    tones = sum(np.sin(number * pitch) / number for number in range(1, 30))
    sound: Signal = (tones + 0.15 * chance.standard_normal(len(time))) * syllables
    loudest = float(np.abs(sound).max())
    return sound / loudest / 2


def room() -> Signal:
    """20 ms of air, then 60 ms that die away."""
    chance = np.random.default_rng(3)
    late = np.arange(round(0.06 * RATE))
    tail = 0.05 * chance.standard_normal(len(late)) * np.exp(-late / (0.01 * RATE))
    tail[0] = 0.5
    return np.concatenate([np.zeros(round(0.02 * RATE)), tail])


def cheap_speaker(sound: Signal) -> Signal:
    """Clips softly, with a third harmonic."""
    bent: Signal = np.tanh(2 * sound) / 2
    return bent + 0.1 * bent**3


def decibels(sound: Signal) -> float:
    return float(10 * np.log10(np.mean(sound**2) + 1e-12))


def run(package: str, far: Signal, heard: Signal, error: float) -> Signal:
    """`error`: seconds by which the delay that we are told is wrong."""
    canceller = EchoCanceller(Processing(gain=False), PROCESSORS[package])
    done = []
    for start in range(0, len(far), PCM_FRAME_SAMPLES):
        part = slice(start, start + PCM_FRAME_SAMPLES)
        played, near = ((32_767 * each[part]).astype(np.int16).tobytes() for each in (far, heard))
        assert canceller.render(played, 0.05 + error) == played
        done.append(canceller.capture(near, 0.01))
        assert len(done[-1]) == len(near)
    canceller.close()
    return np.frombuffer(b"".join(done), np.int16) / 32_767


@pytest.mark.parametrize("package", PROCESSORS)
@pytest.mark.parametrize("error", [0.0, 0.04])
def test_echo_canceller_on_a_cheap_speaker(package: str, error: float) -> None:
    """30 dB of echo are gone, and who is near loses at most 3 while both speak."""
    pytest.importorskip(package)
    far, near = voice(1, 14), np.zeros(14 * RATE)
    near[10 * RATE : 13 * RATE] = voice(7, 3, 190) / 2
    card = np.zeros(round(0.06 * RATE))
    echo = np.concatenate([card, np.convolve(cheap_speaker(far), room())])[: len(far)]
    done = run(package, far, echo + near, error)
    alone, both = slice(7 * RATE, 10 * RATE), slice(10 * RATE, 13 * RATE)
    assert decibels(echo[alone]) - decibels(done[alone]) > 30
    assert abs(decibels(done[both]) - decibels(near[both])) < 3


def test_echo_canceller_goes_on_without_anything_that_is_played() -> None:
    canceller = EchoCanceller(Processing())
    assert len(canceller.capture(constant(100), 0.02)) == len(constant(0))
    canceller.close()
