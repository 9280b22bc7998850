"""Up to which size and rate browsers show H.264: level 5.2 (ITU-T H.264, table A-1)."""

from __future__ import annotations

import math

_MACROBLOCKS = 36_864
_MACROBLOCKS_A_SECOND = 2_073_600


def limit_fault(width: int, height: int, framerate: float) -> str | None:
    """Why no browser shows pictures of this size (pixels) at this rate (1/s); None: they do."""
    macroblocks = -(-width // 16) * -(-height // 16)
    longest = 16 * math.isqrt(8 * _MACROBLOCKS)
    if macroblocks > _MACROBLOCKS or max(width, height) > longest:
        return f"no browser shows {width}x{height}: 4096x2304 is the most (H.264, level 5.2)"
    if macroblocks * framerate > _MACROBLOCKS_A_SECOND:
        most = _MACROBLOCKS_A_SECOND // macroblocks
        return (
            f"no browser shows {width}x{height} at {framerate:g} fps: {most} fps are the most "
            f"(H.264, level 5.2)"
        )
    return None
