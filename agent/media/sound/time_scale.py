"""Frames made shorter or longer by whole periods of what is heard, so that nobody hears it (WSOLA).
Pure.

A frame is 20 ms, signed 16 bit samples, 48 kHz mono.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from operator import mul
from typing import NamedTuple

# of 48 kHz: a period is looked for between these
SHORTEST_PERIOD = 120
LONGEST_PERIOD = 480
# samples over which one piece fades into the other
OVERLAP = 240
FRAME = LONGEST_PERIOD + 2 * OVERLAP
# How alike two periods must be to be exchanged unheard: 1 is the same.
ALIKE = 0.85
# mean square below which there is nothing to be heard: -57 dB
QUIET = 45.0**2

_COARSE = 6
_FADE = [(index + 0.5) / OVERLAP for index in range(OVERLAP)]


class _Period(NamedTuple):
    samples: int
    # correlation, -1..1
    likeness: float


def shorten(frame: bytes, *, force: bool = False) -> bytes:
    """Without one of its periods; as it is, where there is none. `force`: whatever it sounds
    like.
    """
    samples = memoryview(frame).cast("h")
    length = _removable(samples, force=force)
    if not length:
        return frame
    joint = _fade(samples[:OVERLAP], samples[length : length + OVERLAP])
    return joint + bytes(samples[length + OVERLAP :])


def lengthen(frame: bytes, *, force: bool = False) -> bytes:
    """With one of its periods twice; as it is, where there is none. `force`: whatever it sounds
    like.
    """
    samples = memoryview(frame).cast("h")
    length = _removable(samples, force=force)
    if not length:
        return frame
    joint = _fade(samples[length : length + OVERLAP], samples[:OVERLAP])
    return bytes(samples[:length]) + joint + bytes(samples[OVERLAP:])


def fade_in(samples: bytes) -> bytes:
    """Beginning from silence."""
    values = memoryview(samples).cast("h")
    return _fade(array("h", bytes(2 * OVERLAP)), values[:OVERLAP]) + bytes(values[OVERLAP:])


def fade_out(samples: bytes) -> bytes:
    """Ending in silence."""
    values = memoryview(samples).cast("h")
    end = len(values) - OVERLAP
    return bytes(values[:end]) + _fade(values[end:], array("h", bytes(2 * OVERLAP)))


def _removable(samples: memoryview, *, force: bool) -> int:
    """How many samples the frame can be without, or have twice; 0: none."""
    if len(samples) < FRAME:
        return 0
    if _mean_square(samples) < QUIET:
        return LONGEST_PERIOD
    period = _find_period(samples)
    return period.samples if force or period.likeness >= ALIKE else 0


def _find_period(samples: memoryview) -> _Period:
    """The length at which the frame resembles itself most: first roughly, then to the sample."""
    parts = (samples[start::_COARSE].tolist() for start in (0, 2, 4))
    coarse = [sum(values) for values in zip(*parts, strict=True)]
    window = 2 * OVERLAP // _COARSE
    rough = max(
        range(SHORTEST_PERIOD // _COARSE, LONGEST_PERIOD // _COARSE + 1),
        key=lambda lag: _likeness(coarse[:window], coarse[lag : lag + window]),
    )
    fine = samples.tolist()
    start, end = (rough - 1) * _COARSE, (rough + 1) * _COARSE
    # every other sample: what is far above speech need not fit
    found = max(
        range(max(SHORTEST_PERIOD, start), min(LONGEST_PERIOD, end) + 1),
        key=lambda lag: _likeness(fine[:OVERLAP:2], fine[lag : lag + OVERLAP : 2]),
    )
    return _Period(found, _likeness(fine[:OVERLAP], fine[found : found + OVERLAP]))


def _likeness(one: Sequence[int], other: Sequence[int]) -> float:
    power = sum(map(mul, one, one)) * sum(map(mul, other, other))
    return float(sum(map(mul, one, other)) / math.sqrt(power)) if power else 0.0


def _mean_square(samples: memoryview) -> float:
    some = samples[::5].tolist()
    return float(sum(map(mul, some, some)) / len(some))


def _fade(one: Sequence[int], other: Sequence[int]) -> bytes:
    """From `one` to `other`, `OVERLAP` samples each."""
    pairs = zip(one, other, _FADE, strict=True)
    return array("h", [round(a + (b - a) * share) for a, b, share in pairs]).tobytes()
