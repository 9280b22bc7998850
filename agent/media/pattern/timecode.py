"""The time strip: a capture time in the top rows of a picture, readable after any decoder.

40 cells of equal width, white for 1 and black for 0, the most significant bit first: milliseconds
since the Unix epoch, modulo 2^40.
"""

from __future__ import annotations

CELLS = 40
HEIGHT = 16
"""Rows that the strip takes."""
MODULUS = 1 << CELLS

WHITE = 235
BLACK = 16
_SURELY_WHITE = 160
_SURELY_BLACK = 92
_ROWS = (5, 8, 11)


def cell_edges(width: int) -> list[int]:
    """The 41 columns where cells begin and the last one ends, for a picture `width` pixels wide."""
    return [cell * width // CELLS for cell in range(CELLS + 1)]


def encode_strip(milliseconds: int, width: int) -> bytes:
    """One row of luma that shows `milliseconds` since the epoch; the strip is this row `HEIGHT`
    times.
    """
    edges = cell_edges(width)
    value = milliseconds % MODULUS
    return b"".join(
        (b"\xeb" if value >> (CELLS - 1 - cell) & 1 else b"\x10") * (edges[cell + 1] - edges[cell])
        for cell in range(CELLS)
    )


def read_strip(luma: bytes | bytearray | memoryview, stride: int, width: int) -> int | None:
    """Milliseconds modulo 2^40 from the luma plane of a picture; None where a cell is neither black
    nor white.
    """
    value = 0
    for cell in range(CELLS):
        middle = (2 * cell + 1) * width // (2 * CELLS)
        brightness = sum(luma[row * stride + middle] for row in _ROWS) // len(_ROWS)
        if _SURELY_BLACK < brightness < _SURELY_WHITE:
            return None
        value = value << 1 | (brightness >= _SURELY_WHITE)
    return value


def strip_age(milliseconds: int, now: int) -> int:
    """How many milliseconds before `now` (since the epoch) a strip was drawn; negative where it is
    ahead.
    """
    age = (now - milliseconds) % MODULUS
    return age - MODULUS if age >= MODULUS // 2 else age
