"""Loudness: of a signal, and what a level of 0 to 100 makes of it (PROTOCOL 6, `volume`)."""

from __future__ import annotations

import math
from array import array

# every 7th sample: odd, so no tone of a common rate hides between them
_STRIDE = 7
_FULL = 32_768
_SHIFT = 12


def decibels(level: int) -> float:
    """0 dB for 100; minus infinity for 0."""
    return 60 * math.log10(level / 100) if level else -math.inf


class Level:
    """A gain that may be turned while sound flows; `turn` may be called from any thread.

    `in_card`: the card's own mixer does it, and only silence is left to do here.
    """

    def __init__(self, level: int = 100) -> None:
        self._level = level
        self._factor = 0
        self._in_card = False
        self.turn(level)

    @property
    def level(self) -> int:
        return self._level

    def turn(self, level: int) -> None:
        """To 0 (nothing) .. 100 (as it is)."""
        self._level = level
        self._set()

    def leave_to_card(self, in_card: bool) -> None:
        self._in_card = in_card
        self._set()

    def apply(self, frames: bytes) -> bytes:
        factor = self._factor
        if factor == 1 << _SHIFT:
            return frames
        if factor == 0 or not any(frames):
            return bytes(len(frames))
        samples = memoryview(frames).cast("h")
        return array("h", [sample * factor >> _SHIFT for sample in samples]).tobytes()

    def _set(self) -> None:
        gain = 1.0 if self._in_card and self._level else 10 ** (decibels(self._level) / 20)
        self._factor = round(gain * (1 << _SHIFT))


def loudness(frames: bytes) -> float:
    """In dB below full scale, estimated; minus infinity for silence."""
    some = memoryview(frames).cast("h")[::_STRIDE].tolist()
    square = sum(sample * sample for sample in some) / len(some) if some else 0
    return 10 * math.log10(square / _FULL**2) if square else -math.inf
