"""Freezes of a picture that arrives, as W3C's webrtc-stats count them."""

from __future__ import annotations

# seconds beyond the mean interval from which a picture that stands still is a freeze
_BEYOND_MEAN = 0.15
# of the latest intervals, as in the browsers
_INTERVALS = 30


class FreezeCounter:
    """`count` of freezes and their `duration` in seconds: a picture that comes more than three mean
    intervals after the one before, or 150 ms later than the mean, ends one.
    """

    def __init__(self) -> None:
        self.count = 0
        self.duration = 0.0
        self._last: float | None = None
        self._mean: float | None = None

    def frame(self, at: float) -> None:
        """A whole picture, at a time of a clock that never goes back, in seconds."""
        before, self._last = self._last, at
        if before is None:
            return
        interval = at - before
        if self._mean is None:
            self._mean = interval
            return
        if interval > max(3 * self._mean, self._mean + _BEYOND_MEAN):
            self.count += 1
            self.duration += interval
            return
        self._mean += (interval - self._mean) / _INTERVALS
