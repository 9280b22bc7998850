"""Sounds that can be told from each other."""

from __future__ import annotations

import math
from array import array

from agent.ports import AUDIO_CLOCK_RATE


def tone(frequency: float, samples: int, amplitude: float = 12_000.0, start: int = 0) -> bytes:
    """From the sample `start` on, so that pieces fit together."""
    turn = 2 * math.pi * frequency / AUDIO_CLOCK_RATE
    return array(
        "h", [round(amplitude * math.sin(turn * (start + number))) for number in range(samples)]
    ).tobytes()


def strength(samples: bytes, frequency: float) -> float:
    """The amplitude of a tone of that frequency in `samples`."""
    values = memoryview(samples).cast("h")
    turn = 2 * math.pi * frequency / AUDIO_CLOCK_RATE
    real = sum(value * math.cos(turn * number) for number, value in enumerate(values))
    imaginary = sum(value * math.sin(turn * number) for number, value in enumerate(values))
    return 2 * math.hypot(real, imaginary) / len(values)
