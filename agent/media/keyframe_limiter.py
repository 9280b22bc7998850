"""How often the encoder may be asked for a key frame. Pure: the time is an argument, in seconds."""

from __future__ import annotations

from enum import Enum

MIN_INTERVAL = 0.32
"""Seconds between requests to the encoder in the long run. Firmware encoders lock up under storms.
"""

BURST = 2
"""Requests that may follow each other at once after a rest: two viewers whose transports come up
together, or one that has lost what it asked for. So at most 14 go to the encoder in any 4 s.
"""


class KeyframeDecision(Enum):
    """What to do with a request now."""

    SEND = "send"
    """Pass it to the encoder."""
    HOLD = "hold"
    """The first within the hold: come back with `due()` when `hold_left` is over."""
    JOINED = "joined"
    """One is held already, and serves this one too."""


class KeyframeLimiter:
    """`BURST` requests pass at once; what comes too soon after them becomes one, served at the end
    of the hold.
    """

    def __init__(self, min_interval: float = MIN_INTERVAL) -> None:
        self._min_interval = min_interval
        # when every request so far will have had its interval
        self._earned = float("-inf")
        self._last_sent = float("-inf")
        self._held = False

    def request(self, now: float) -> KeyframeDecision:
        if self._held:
            return KeyframeDecision.JOINED
        if self.hold_left(now) > 0:
            self._held = True
            return KeyframeDecision.HOLD
        self._send(now)
        return KeyframeDecision.SEND

    def hold_left(self, now: float) -> float:
        """Seconds until the encoder may be asked again; 0 when it may be now."""
        return max(0.0, self._earned - (BURST - 1) * self._min_interval - now)

    def overdue(self, now: float) -> bool:
        """Whether the last request has had the time to be served."""
        return now - self._last_sent >= self._min_interval

    def due(self, now: float) -> bool:
        """The hold is over: whether the encoder is to be asked now."""
        held, self._held = self._held, False
        if held:
            self._send(now)
        return held

    def satisfied(self) -> None:
        """A key frame came: it serves the request that is held."""
        self._held = False

    def _send(self, now: float) -> None:
        self._last_sent = now
        self._earned = max(self._earned, now) + self._min_interval
