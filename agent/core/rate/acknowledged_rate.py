"""What the path was seen to carry in the last minute and a half: where a rate may come back to
quickly.
"""

from __future__ import annotations

from collections import deque

# seconds: longer than somebody else's download or a bad stretch of a walk, shorter than a call
WINDOW = 90.0


class AcknowledgedRate:
    """(time, bit/s) that arrived without loss or a queue, falling rates, oldest first."""

    def __init__(self) -> None:
        self._rates: deque[tuple[float, float]] = deque()

    def add(self, now: float, bitrate: float | None) -> None:
        """None: what was sent was too much, or it is not known."""
        if bitrate is None:
            return
        while self._rates and self._rates[-1][1] <= bitrate:
            self._rates.pop()
        self._rates.append((now, bitrate))

    def best(self, now: float) -> float:
        """The highest; 0 where there is none."""
        while self._rates and self._rates[0][0] < now - WINDOW:
            self._rates.popleft()
        return self._rates[0][1] if self._rates else 0.0
