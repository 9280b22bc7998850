"""A clock for aiortc and aioice that nobody sets: they take the time of day for what is a matter of
intervals.

On a board that learns in a call that it is not 1970, jitter would come out as decades and no
receiver report could be written any more, closing the call would wait for that, a permission at a
TURN server would not be renewed, and the estimate of a bit rate would count every millisecond of
the years between, with all else standing still.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import aioice.turn
import aiortc.clock
import aiortc.rtcrtpreceiver
import aiortc.rtcrtpsender
import aiortc.rtcsctptransport

_BEGAN = time.time() - time.monotonic()


def steady_time() -> float:
    """Unix seconds, going on from what the time of day was when this process began; never set."""
    return _BEGAN + time.monotonic()


def use_steady_time() -> None:
    """Have them measure by `steady_time`. What names a time to others (the dates of a certificate)
    stays right.
    """
    for module in (
        aiortc.rtcrtpreceiver,
        aiortc.rtcrtpsender,
        aiortc.rtcsctptransport,
        aioice.turn,
    ):
        module.time = _SteadyTime  # type: ignore[attr-defined]
    aiortc.clock.current_datetime = _current_datetime


class _SteadyTime:
    """In the place of the module `time`, of which they use no more."""

    time = staticmethod(steady_time)


def _current_datetime() -> datetime:
    return datetime.fromtimestamp(steady_time(), UTC)
