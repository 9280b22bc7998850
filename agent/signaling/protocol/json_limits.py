"""What is refused before anything is made of it: size, encoding, nesting and JSON that is not JSON
(PROTOCOL 8).
"""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any, NoReturn

from agent.errors import MalformedMessage

MAX_PAYLOAD = 64 * 1024  # bytes
# levels of objects and arrays, the outermost being the first
MAX_DEPTH = 16
# brackets that open, also in strings: each costs microseconds, and no message of the protocol has
# more than some 60
MAX_BRACKETS = 500
MAX_ERROR_TEXT = 200  # characters

# Strings are passed over as a whole. Possessive, and content with an unfinished string, so that the
# scan is linear whatever it is fed: whether the text is JSON at all is the parser's to say.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89abAB]|\\u[dD][c-fC-F]")


def read_object(payload: bytes) -> dict[str, Any]:
    """The JSON object in `payload`. Raises MalformedMessage: too_large, not_json, too_deep or
    not_an_object.
    """
    if len(payload) > MAX_PAYLOAD:
        raise MalformedMessage("too_large", f"{len(payload)} bytes, at most {MAX_PAYLOAD} are read")
    if payload.count(b"[") + payload.count(b"{") > MAX_BRACKETS:
        raise MalformedMessage("too_deep", f"more than {MAX_BRACKETS} objects and arrays")
    try:
        # a parser may read over a byte-order mark (RFC 8259, 8.1), and some writers set one
        text = payload.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedMessage("not_json", f"not UTF-8 at byte {error.start}") from None
    if _too_deep(text):
        raise MalformedMessage("too_deep", f"nested more than {MAX_DEPTH} levels deep")
    value = _parse(text)
    if not isinstance(value, dict):
        raise MalformedMessage("not_an_object", "the payload is JSON, but not an object")
    return value


def bounded(text: str) -> str:
    """`text` as it may stand in an error: on one line, printable and of limited length."""
    line = "".join(c if c.isprintable() else "?" for c in text[: MAX_ERROR_TEXT + 1])
    return line if len(line) <= MAX_ERROR_TEXT else line[: MAX_ERROR_TEXT - 1] + "…"


def _too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = text[match.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif first in "]}":
            depth -= 1
    return False


def _parse(text: str) -> Any:
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique
        )
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedMessage("not_json", "half of a surrogate pair in a string") from None
    except ValueError as error:
        raise MalformedMessage("not_json", bounded(str(error))) from None
    return value


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number that is too large")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return value
