"""Memory that a call has used, given back when nobody calls any more."""

from __future__ import annotations

import ctypes
import logging
import resource
from pathlib import Path

logger = logging.getLogger(__name__)

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
