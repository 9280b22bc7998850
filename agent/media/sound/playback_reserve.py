"""How much a player keeps ready in front of the converter: little, so that nobody hears late, and
more where this machine is too slow for little.
"""

from __future__ import annotations

_CALM_PERIODS = 500
"""Ten seconds without an underrun, after which a period less is tried."""
_LONGEST_CALM = 30_000
"""Ten minutes: on a machine that needs the reserve each try is a click."""


class PlaybackReserve:
    """Periods, from `least` to `most`; it begins with `least`."""

    def __init__(self, *, least: int, most: int) -> None:
        self.periods = least
        self._least = least
        self._most = most
        self._calm = 0
        self._needed = _CALM_PERIODS

    def ran_dry(self) -> None:
        """One more, and twice the calm of before until one less is tried."""
        self.periods = min(self.periods + 1, self._most)
        self._calm = 0
        self._needed = min(2 * self._needed, _LONGEST_CALM)

    def written(self) -> bool:
        """A period was written. Returns whether the reserve is one less now."""
        self._calm += 1
        if self._calm < self._needed or self.periods <= self._least:
            return False
        self._calm = 0
        self.periods -= 1
        return True
