"""The clock of a stream whose source is started more than once."""

from __future__ import annotations

from dataclasses import replace

from agent.ports import VIDEO_CLOCK_RATE, AccessUnit


class TimestampRebaser:
    """Lets `pts` always grow, also where a source begins at 0 again; the gap is as long as that of
    the captures.
    """

    def __init__(self) -> None:
        self._last: AccessUnit | None = None
        self._offset = 0
        self._restarted = False

    def restart(self) -> None:
        """The source was restarted: its next unit has a clock of its own."""
        self._restarted = self._last is not None

    def place(self, unit: AccessUnit) -> AccessUnit:
        """`unit` with the `pts` that it has in the stream."""
        if self._restarted and self._last is not None:
            gap = round((unit.captured_at - self._last.captured_at) * VIDEO_CLOCK_RATE)
            self._offset = self._last.pts + max(1, gap) - unit.pts
            self._restarted = False
        pts = unit.pts + self._offset
        if self._last is not None:
            # drivers were seen to give two pictures the same time
            pts = max(pts, self._last.pts + 1)
        if pts != unit.pts:
            unit = replace(unit, pts=pts)
        self._last = unit
        return unit
