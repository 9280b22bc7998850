from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from agent.media.pattern.timecode import (
    CELLS,
    HEIGHT,
    MODULUS,
    cell_edges,
    encode_strip,
    read_strip,
    strip_age,
)

widths = st.integers(min_value=2 * CELLS, max_value=4096)


@given(st.integers(0, 2**45), widths, st.integers(0, 64))
def test_timecode_what_is_drawn_is_read(milliseconds: int, width: int, padding: int) -> None:
    row = encode_strip(milliseconds, width)
    assert len(row) == width
    plane = (row + bytes([128]) * padding) * HEIGHT
    assert read_strip(plane, width + padding, width) == milliseconds % MODULUS


@given(widths)
def test_timecode_cells_are_of_equal_width(width: int) -> None:
    edges = cell_edges(width)
    cells = [right - left for left, right in itertools.pairwise(edges)]
    assert len(cells) == CELLS
    assert max(cells) - min(cells) <= 1


def test_timecode_most_significant_bit_is_on_the_left_and_white_is_one() -> None:
    row = encode_strip(1 << 39, 80)
    assert row == b"\xeb\xeb" + b"\x10" * 78


def test_timecode_gray_cell_is_no_time() -> None:
    assert read_strip(bytes([128]) * 80 * HEIGHT, 80, 80) is None


def test_timecode_age_survives_the_wrap() -> None:
    assert strip_age(MODULUS - 5, 3 * MODULUS + 7) == 12
    assert strip_age(10, 4) == -6
