"""Whether somebody else keeps ending our connection: a second collector of the same client id.
Pure.

MQTT 5 has a reason code for it, which mosquitto before 2.1 does not send: the two throw each other
out every few seconds, for ever, and each counts what it gets.
"""

from __future__ import annotations

from collections import deque

# seconds: a connection that lasted less is short, and so many within so long are no accident
_SHORT = 15.0
_WITHIN = 60.0
_ENOUGH = 4


class RivalWatch:
    """Told of each connect and loss; `now` in seconds, on any clock that does not jump."""

    def __init__(self) -> None:
        self._up_since: float | None = None
        self._short: deque[float] = deque(maxlen=_ENOUGH)

    def told(self, now: float, *, connected: bool) -> None:
        if connected:
            self._up_since = now
        elif self._up_since is not None:
            if now - self._up_since < _SHORT:
                self._short.append(now)
            self._up_since = None

    def suspects(self, now: float) -> bool:
        """Whether it has happened too often of late."""
        return len(self._short) == _ENOUGH and now - self._short[0] <= _WITHIN
