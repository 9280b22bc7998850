"""Something that libopus takes for speech: a hum with the harmonics of a voice, in syllables."""

from __future__ import annotations

import math
import random
from array import array

from agent.ports import AUDIO_CLOCK_RATE

FRAME = 960
PITCH = 125  # Hz
_HARMONICS = (1.0, 0.9, 0.7, 0.8, 0.9, 0.5, 0.3, 0.2, 0.3, 0.4, 0.3, 0.1)
_SYLLABLE = AUDIO_CLOCK_RATE // 4


def voice(frames: int, *, seed: int = 1) -> list[bytes]:
    """So many frames of 20 ms, 48 kHz mono."""
    rng = random.Random(seed)
    period = AUDIO_CLOCK_RATE // PITCH
    wave = [
        sum(
            share * math.sin(2 * math.pi * (number + 1) * n / period)
            for number, share in enumerate(_HARMONICS)
        )
        for n in range(period)
    ]
    samples = array(
        "h",
        (
            round(
                2500 * wave[n % period] * max(0.0, math.sin(2 * math.pi * n / _SYLLABLE))
                + rng.uniform(-15, 15)
            )
            for n in range(frames * FRAME)
        ),
    ).tobytes()
    return [samples[start : start + 2 * FRAME] for start in range(0, len(samples), 2 * FRAME)]
