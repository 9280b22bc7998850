"""The way from the loudspeaker through the room to the microphone, measured with a chirp. Pure."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

from agent.media.sound.level import loudness
from agent.ports import AUDIO_CLOCK_RATE

# samples that become one: what is looked for lies below 2 kHz, and Python is slow
_THIN = 12
_RATE = AUDIO_CLOCK_RATE // _THIN
_LOW, _HIGH = 400.0, 1500.0
_SECONDS = 0.1
_AMPLITUDE = 12_000.0
# of what was heard, the share that the chirp explains; noise alone explains less than 0.2
_FOUND = 0.4
_LOUDEST = 32_700


@dataclass(frozen=True, slots=True)
class EchoPath:
    """`background` and `heard`: dB of full scale, before the chirp and while it was heard.

    `round_trip`: seconds from writing to reading; `loss`: dB by which the chirp came back softer
    than it was played. Both None where it was not heard.
    """

    background: float
    heard: float
    clipped: bool
    round_trip: float | None = None
    loss: float | None = None


def chirp() -> bytes:
    """A soft sweep of 100 ms, 48 kHz."""
    total = round(_SECONDS * AUDIO_CLOCK_RATE)
    samples = (
        _AMPLITUDE * math.sin(math.pi * number / total) * math.sin(_phase(number / total))
        for number in range(total)
    )
    return array("h", [round(sample) for sample in samples]).tobytes()


def measure_echo(recorded: bytes, played_at: float) -> EchoPath:
    """`recorded`: PCM at 48 kHz; `played_at`: seconds from its beginning to the chirp's writing."""
    start = 2 * round(played_at * AUDIO_CLOCK_RATE)
    background, heard = loudness(recorded[:start]), _thin(recorded[start:])
    wanted = _thin(chirp())
    norm = math.sqrt(sum(each * each for each in wanted))
    best, at, energy = 0.0, 0, 0.0
    for offset in range(max(0, len(heard) - len(wanted))):
        part = heard[offset : offset + len(wanted)]
        match = abs(sum(map(float.__mul__, part, wanted))) / norm
        if match > best:
            best, at, energy = match, offset, math.sqrt(sum(each * each for each in part))
    first = start + 2 * at * _THIN
    loud = recorded[first : first + len(chirp())]
    clipped = any(abs(sample) >= _LOUDEST for sample in memoryview(loud).cast("h"))
    level = loudness(loud)
    if not energy or best / energy < _FOUND:
        return EchoPath(background, level, clipped)
    return EchoPath(background, level, clipped, at / _RATE, 20 * math.log10(norm / best))


def _phase(share: float) -> float:
    """Of a sweep that rises evenly."""
    turns = _SECONDS * (_LOW * share + (_HIGH - _LOW) * share * share / 2)
    return 2 * math.pi * turns


def _thin(frames: bytes) -> list[float]:
    """Means of 12 samples: a low pass that is good enough."""
    samples = memoryview(frames).cast("h").tolist()
    usable = len(samples) - len(samples) % _THIN
    return [sum(samples[at : at + _THIN]) / _THIN for at in range(0, usable, _THIN)]
