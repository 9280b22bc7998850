"""The bitmap font of the test pattern."""

from __future__ import annotations

from agent.media.pattern.font import ROWS, TextRenderer, glyph


def test_glyph_unknown_characters_are_boxes_and_case_does_not_matter() -> None:
    assert glyph("a") == glyph("A")
    assert glyph("\u4e2d") == glyph("\u00e9") != glyph(" ")
    assert all(len(glyph(character)) == ROWS for character in "AZ09:#~")


def test_text_renderer_has_rows_of_one_width() -> None:
    text = TextRenderer(scale=3, white=235, black=16)
    rows = text.rows("12:07")
    assert len(rows) == ROWS
    assert {len(row) for row in rows} == {text.width(5)}
