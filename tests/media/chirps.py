"""A sweep that is found again in whatever a path has made of it, and when."""

from __future__ import annotations

import math
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agent.ports import AUDIO_CLOCK_RATE

THIN = 12
"""Samples that become one: a chirp lies below 2 kHz."""
RATE = AUDIO_CLOCK_RATE // THIN
EVERY = 0.5
"""Seconds between the beginnings of two chirps."""
_LOW, _HIGH, _SECONDS, _AMPLITUDE = 400.0, 1500.0, 0.1, 12_000.0
# of what is heard at a chirp's place, the share that the chirp explains; noise explains 0.2
_FOUND = 0.6


def chirp(*, rising: bool = True) -> bytes:
    """48 kHz mono, 100 ms; one that rises and one that falls are not taken for each other."""
    total = round(_SECONDS * AUDIO_CLOCK_RATE)
    samples = []
    for number in range(total):
        share = number / total
        turns = _SECONDS * (_LOW * share + (_HIGH - _LOW) * share * share / 2)
        swell = math.sin(math.pi * share)
        samples.append(round(_AMPLITUDE * swell * math.sin(2 * math.pi * turns)))
    return array("h", samples if rising else samples[::-1]).tobytes()


def write_chirps(path: Path, *, rising: bool = True) -> None:
    """WAV: a chirp and the silence up to the next one."""
    samples = chirp(rising=rising).ljust(2 * round(EVERY * AUDIO_CLOCK_RATE), b"\0")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, AUDIO_CLOCK_RATE, 0, "NONE", ""))
        file.writeframes(4 * samples)


def thin(samples: bytes) -> list[float]:
    """Means of `THIN` samples, 0..1."""
    values = np.frombuffer(samples, np.int16).astype(float) / 32768
    usable = len(values) - len(values) % THIN
    found: list[float] = values[:usable].reshape(-1, THIN).mean(axis=1).tolist()
    return found


def find_chirps(heard: Sequence[float], *, rising: bool = True) -> list[float]:
    """Seconds from the beginning of `heard` (`RATE` a second) to that of each chirp in it."""
    wanted, values = np.array(thin(chirp(rising=rising))), np.array(heard)
    if len(values) <= len(wanted):
        return []
    match = np.abs(np.correlate(values, wanted)) / np.linalg.norm(wanted)
    energy = np.sqrt(np.convolve(values * values, np.ones(len(wanted)), "valid"))
    loud = np.linalg.norm(wanted) / 30
    share = np.where(energy > loud, match / np.maximum(energy, loud), 0.0)
    found, apart = [], round(EVERY * RATE / 2)
    while share.size and (best := int(share.argmax())) is not None and share[best] > _FOUND:
        found.append(best / RATE)
        share[max(0, best - apart) : best + apart] = 0.0
    return sorted(found)
