"""Text as people save it: UTF-8, with the byte-order mark of a Windows editor or without."""

from __future__ import annotations

import codecs
from pathlib import Path

_LARGEST = 1 << 20
"""Bytes: what is longer is no settings, no rules and no password."""
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def read_text(file: Path) -> str:
    """Raises ValueError, a sentence that names the file and what to do about it."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file!r}: cannot be read: {error}") from error
    if len(data) > _LARGEST:
        raise ValueError(f"{file}: is longer than {_LARGEST} bytes")
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            raise ValueError(f"{file}: is {name} text; save it as UTF-8")
    if b"\0" in data:
        # what an editor writes without a mark has a zero beside each letter
        is_wide = data.count(0) * 3 > len(data)
        fault = "is UTF-16 text; save it as UTF-8" if is_wide else "is no text: it has zero bytes"
        raise ValueError(f"{file}: {fault}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: is not UTF-8 text (byte {error.start})") from error
