"""Memory of a process that runs for years: what a call has used is given back, and what strangers
leave in reference cycles does not wait for long.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import resource
from pathlib import Path

logger = logging.getLogger(__name__)

# of the middle generation, before everything that is not frozen is looked at; Python's own is 10
_FULL_COLLECTION_AFTER = 3

_STATM = Path("/proc/self/statm")


def resident_memory() -> int | None:
    """Bytes of this process in RAM; None where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return None


def release_memory() -> None:
    """Return what was freed to the system. The C library keeps it otherwise: some 20 MB after a
    call with x264.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        # not the GNU C library
        return
    before = resident_memory()
    trim(0)
    after = resident_memory()
    if before is not None and after is not None:
        logger.debug(
            "%.1f MB of memory given back, %.1f MB in use", (before - after) / 1e6, after / 1e6
        )


def freeze_start() -> None:
    """Let the garbage collector leave alone what is there now, which stays until the end.

    It looks at everything only once there is a quarter more of it. What asyncio leaves of failed
    TLS handshakes, in cycles, came to 60 MB by that rule.
    """
    gc.collect()
    gc.freeze()
    # the quarter is one of what the last full collection has left
    gc.collect()
    youngest, middle, _ = gc.get_threshold()
    gc.set_threshold(youngest, middle, _FULL_COLLECTION_AFTER)
