"""What a rate was, some seconds ago: for reports that tell late how it fared."""

from __future__ import annotations

from collections import deque

HISTORY_AGE = 10.0
"""Seconds that are remembered: longer than a report is ever late."""
MEASURED_AGE = 3.0
"""Seconds that a measurement counts; it is made once a second."""


class RateHistory:
    """(time, bit/s), oldest first, `HISTORY_AGE` long."""

    def __init__(self) -> None:
        self._rates: deque[tuple[float, float]] = deque()

    def add(self, now: float, bitrate: float) -> None:
        self._rates.append((now, bitrate))
        while len(self._rates) > 1 and self._rates[1][0] < now - HISTORY_AGE:
            self._rates.popleft()

    def last(self, now: float) -> float | None:
        """The last one, if not older than `MEASURED_AGE`."""
        return (
            self._rates[-1][1] if self._rates and now - self._rates[-1][0] <= MEASURED_AGE else None
        )

    def in_force(self, at: float) -> float | None:
        """The last one set at or before `at`."""
        return next((bitrate for since, bitrate in reversed(self._rates) if since <= at), None)

    def measured(self, at: float) -> float | None:
        """The first one taken in the `MEASURED_AGE` seconds after `at`."""
        return next(
            (bitrate for until, bitrate in self._rates if at <= until <= at + MEASURED_AGE), None
        )
