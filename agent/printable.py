"""Text of others on a terminal: names, reasons and phrases may hold escape sequences."""

from __future__ import annotations

import unicodedata
from typing import Any

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def printable(text: str) -> str:
    """`text` with everything that moves the cursor, or cannot be seen, as `\\x1b` or `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_character, text))


def printable_values(value: Any) -> Any:
    """The same for every string in lists and dictionaries."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list | tuple):
        return [printable_values(each) for each in value]
    if isinstance(value, dict):
        return {key: printable_values(each) for key, each in value.items()}
    return value


def _character(character: str) -> str:
    if unicodedata.category(character) in _UNSEEN:
        return character.encode("unicode_escape").decode()
    return character


def format_bitrate(bitrate: int) -> str:
    """Of bit/s, for people."""
    return f"{bitrate / 1e6:.1f} Mbit/s" if bitrate >= 1_000_000 else f"{bitrate / 1e3:.0f} kbit/s"
