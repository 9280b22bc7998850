"""Bodies as a database takes them."""

from __future__ import annotations

import json

from agent.fleet.json_text import as_json


def test_as_json_is_compact() -> None:
    assert as_json({"a": [1, None]}) == '{"a":[1,null]}'


def test_as_json_replaces_nul_and_nothing_that_looks_like_it() -> None:
    text = as_json({"a\0": ["b\0", {"c": "\\u0000"}], "d": 1})
    assert json.loads(text) == {"a\ufffd": ["b\ufffd", {"c": "\\u0000"}], "d": 1}
