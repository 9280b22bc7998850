"""How often the encoder may be asked for a key frame. Pure: the time is an argument, in seconds."""

from __future__ import annotations

from enum import Enum

MIN_INTERVAL = 0.3
"""Seconds between two requests to the encoder: at most 14 in any 4 s. Firmware encoders lock up under storms."""


class Decision(Enum):
    """What to do with a request now."""

    SEND = "send"
    """Pass it to the encoder."""
    HOLD = "hold"
    """The first within the hold: come back with `due()` when `hold_left` is over."""
    JOINED = "joined"
    """One is held already, and serves this one too."""


class KeyframeLimiter:
    """The first request passes at once; those within `MIN_INTERVAL` of it become one, served at the end of it."""

    def __init__(self, min_interval: float = MIN_INTERVAL) -> None:
        self._min_interval = min_interval
        self._last_sent = float("-inf")
        self._held = False

    def request(self, now: float) -> Decision:
        if self._held:
            return Decision.JOINED
        if self.hold_left(now) > 0:
            self._held = True
            return Decision.HOLD
        self._last_sent = now
        return Decision.SEND

    def hold_left(self, now: float) -> float:
        """Seconds until the encoder may be asked again; 0 when it may be now."""
        return max(0.0, self._last_sent + self._min_interval - now)

    def due(self, now: float) -> bool:
        """The hold is over: whether the encoder is to be asked now."""
        held, self._held = self._held, False
        if held:
            self._last_sent = now
        return held

    def satisfied(self) -> None:
        """A key frame came: it serves the request that is held."""
        self._held = False
