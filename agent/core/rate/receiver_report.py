"""One RTCP report block (RFC 3550, 6.4.1) on our stream, as the controller reads it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


def sensible(value: float | None, low: float, high: float) -> float | None:
    """`value` if it is a finite number between the two."""
    return value if value is not None and math.isfinite(value) and low <= value <= high else None


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """Fractions 0..1, seconds; None where a field is not known.

    `round_trip_time` is this report's own, not smoothed: None where it names no sender report of
    ours. `highest_sequence` may be extended, `packets_lost` counts from the start. `lateness` is
    how long the report waited on this machine to be read, which is no queue in the network.
    """

    fraction_lost: float | None
    round_trip_time: float | None
    jitter: float | None
    highest_sequence: int | None = None
    packets_lost: int | None = None
    lateness: float = 0.0

    def plausible(self) -> ReceiverReport:
        """The report without the numbers that cannot be."""
        return replace(
            self,
            fraction_lost=sensible(self.fraction_lost, 0.0, 1.0),
            round_trip_time=sensible(self.round_trip_time, 0.0, 60.0),
            jitter=sensible(self.jitter, 0.0, 60.0),
            lateness=sensible(self.lateness, 0.0, 60.0) or 0.0,
        )
