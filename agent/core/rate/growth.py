"""How fast the bitrate may grow: creeping near a known capacity, quickly below it, and ever faster
where none is known.

Pure: time is an argument.
"""

from __future__ import annotations

from agent.core.rate.rate_options import BitrateOptions


class Growth:
    """The time without trouble, and the growth that it earns."""

    def __init__(self, options: BitrateOptions) -> None:
        self._options = options
        self._since: float | None = None

    def interrupt(self) -> None:
        """Not now: the time without trouble begins anew with the next growth."""
        self._since = None

    def begin(self, now: float) -> None:
        if self._since is None:
            self._since = now

    def rate(
        self,
        now: float,
        bitrate: float,
        capacity: float | None,
        *,
        empty: bool,
        remb: bool,
        headroom: float,
    ) -> float:
        """Of itself a second. `empty`: no queue, as arrivals tell; else `headroom` 0..1 does, and
        perhaps a REMB.
        """
        options = self._options
        if capacity is None and empty:
            return self._ramp(now, options.growth_seen, options.growth_ramp_seen)
        if capacity is None:
            growth = self._ramp(now, options.growth, options.growth_ramp)
        elif bitrate > options.near_low * capacity:
            growth = options.growth
        else:
            return options.growth_fast
        return growth * (1.0 if remb else options.growth_blind) * headroom

    def _ramp(self, now: float, slow: float, seconds: float) -> float:
        ramp = min(1.0, (now - (now if self._since is None else self._since)) / seconds)
        return slow + ramp * (self._options.growth_fast - slow)
