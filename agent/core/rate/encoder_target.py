"""The target of the encoder: it follows the estimate in steps that are worth one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from agent.core.rate.bitrate_limits import BitrateLimits
from agent.core.rate.rate_history import RateHistory

QualityLimitationReason = Literal["none", "bandwidth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOptions:
    """Fractions of the target, and seconds."""

    # less would not be seen, and every step costs the encoder's rate control
    down: float = 0.05
    # gentler up than down
    up: float = 0.08
    # ten frames: REMB falls up to five times a second
    interval_down: float = 0.3
    # a report in between
    interval_up: float = 1.0


class EncoderTarget:
    """`bitrate` is what the encoder was last told, in bit/s, and `why` the cause of its last change
    in a few words.
    """

    def __init__(self, limits: BitrateLimits, options: StepOptions | None = None) -> None:
        self.bitrate = limits.bitrate
        self.why = "start"
        self.limited_from: float | None = None
        """The target before the congestion, until it is reached again."""
        self._limits = limits
        self._options = options or StepOptions()
        self._changed_at = -math.inf
        # each from when it was set
        self._history = RateHistory()
        self._history.add(-math.inf, self.bitrate)

    @property
    def quality_limitation_reason(self) -> QualityLimitationReason:
        """W3C webrtc-stats: `bandwidth` until the rate before the congestion is reached again."""
        return "none" if self.limited_from is None else "bandwidth"

    def limit(self) -> None:
        """The path holds less than the target."""
        self.limited_from = max(self.limited_from or 0.0, self.bitrate)

    def release(self) -> None:
        """The next step is due at once: the last one was for no reason of the path."""
        self._changed_at = -math.inf

    def in_force(self, at: float) -> float:
        """The target of then, in bit/s."""
        return self._history.in_force(at) or self.bitrate

    def is_step_up(self, bitrate: float) -> bool:
        """Whether so much more is worth telling."""
        return bitrate > self.bitrate * (1 + self._options.up)

    def follow(self, now: float, estimate: float, why: str) -> int | None:
        """The new target if the encoder should be told one now, else None."""
        options, limits, since = self._options, self._limits, now - self._changed_at
        wanted = round(estimate)
        at_bound = wanted in (limits.min_bitrate, limits.max_bitrate) and wanted != self.bitrate
        down = wanted < self.bitrate and (wanted < (1 - options.down) * self.bitrate or at_bound)
        up = wanted > self.bitrate and (wanted > (1 + options.up) * self.bitrate or at_bound)
        if not (down and since >= options.interval_down) and not (
            up and since >= options.interval_up
        ):
            return None
        self.why = why
        self.bitrate, self._changed_at = wanted, now
        self._history.add(now, wanted)
        limited_from = self.limited_from
        if limited_from is not None and wanted >= min(limited_from, limits.max_bitrate) * 0.95:
            self.limited_from = None
        return wanted
