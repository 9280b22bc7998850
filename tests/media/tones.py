"""Tones in files of sound, and how much of one is heard."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

from agent.ports import AUDIO_CLOCK_RATE


def write_tone(path: Path, hertz: int, seconds: float, amplitude: int = 8000) -> None:
    """WAV, 48 kHz mono; swelling four times a second, as a voice does."""
    samples = array(
        "h",
        (
            round(
                amplitude
                * abs(math.sin(4 * math.pi * n / AUDIO_CLOCK_RATE))
                * math.sin(2 * math.pi * hertz * n / AUDIO_CLOCK_RATE)
            )
            for n in range(int(seconds * AUDIO_CLOCK_RATE))
        ),
    )
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, AUDIO_CLOCK_RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())


def read_wav(path: Path) -> bytes:
    with wave.open(str(path), "rb") as file:
        return file.readframes(file.getnframes())


def amplitude_of(samples: bytes, hertz: int) -> float:
    """Of this frequency, at the loudest 100 ms (Goertzel)."""
    window = AUDIO_CLOCK_RATE // 10
    values = array("h", samples[: len(samples) // 2 * 2])
    factor = 2 * math.cos(2 * math.pi * hertz / AUDIO_CLOCK_RATE)
    loudest = 0.0
    for start in range(0, len(values) - window + 1, window):
        one = two = 0.0
        for value in values[start : start + window]:
            one, two = value + factor * one - two, one
        power = one * one + two * two - factor * one * two
        loudest = max(loudest, 2 * math.sqrt(max(0.0, power)) / window)
    return loudest
