"""Text of others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.printable import printable, printable_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("door-1", "door-1"),
        ("Tür 1, 門口", "Tür 1, 門口"),
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("a\r\nERROR b", "a\\r\\nERROR b"),
        ("\u202eabc\u2028", "\\u202eabc\\u2028"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_printable_shows_what_would_move_the_cursor(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_printable_of_any_text_can_be_printed(text: str) -> None:
    assert all(each.isprintable() or each.isspace() for each in printable(text))
    assert not set(printable(text)) & set("\x1b\x07\r\n\x9b\u202e")


def test_printable_values_reaches_every_string() -> None:
    value = {"a": ["\x07", {"b": "\x1b"}], "c": 1, "d": None}
    assert printable_values(value) == {"a": ["\\x07", {"b": "\\x1b"}], "c": 1, "d": None}
