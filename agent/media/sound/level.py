"""Loudness: of a signal, and what a level of 0 to 100 makes of it (PROTOCOL 6, `volume`)."""

from __future__ import annotations

import math
import threading
from array import array
from collections.abc import Callable

# every 7th sample: odd, so no tone of a common rate hides between them
_STRIDE = 7
_FULL = 32_768
_SHIFT = 12


def decibels(level: int) -> float:
    """0 dB for 100; minus infinity for 0."""
    return 60 * math.log10(level / 100) if level else -math.inf


class Level:
    """A gain that may be turned while sound flows, from any thread."""

    def __init__(self, level: int = 100) -> None:
        self._level = level
        self._factor = 0
        self._set_card: Callable[[int], bool] | None = None
        # a card may be opened while somebody turns
        self._lock = threading.Lock()
        self.turn(level)

    @property
    def level(self) -> int:
        return self._level

    def turn(self, level: int) -> None:
        """To 0 (nothing) .. 100 (as it is)."""
        with self._lock:
            self._level = level
            self._set()

    def leave_to(self, set_card: Callable[[int], bool] | None) -> None:
        """From now on to the mixer of a card, which `set_card` sets to a level, now and whenever it
        is turned; only silence is left to do here, and all of it where that returns False.
        """
        with self._lock:
            self._set_card = set_card
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
        in_card = self._set_card is not None and self._set_card(self._level)
        gain = 1.0 if in_card and self._level else 10 ** (decibels(self._level) / 20)
        self._factor = round(gain * (1 << _SHIFT))


def loudness(frames: bytes) -> float:
    """In dB below full scale, estimated; minus infinity for silence."""
    some = memoryview(frames).cast("h")[::_STRIDE].tolist()
    square = sum(sample * sample for sample in some) / len(some) if some else 0
    return 10 * math.log10(square / _FULL**2) if square else -math.inf
