"""What is wrong with settings or rules, one sentence each: where it was set, the key, the value,
what it should be.

A secret's value is never repeated. Nor is that of an unknown key, which may be a misspelled
`password`, nor text where a whole section should be, which may hold one.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agent.settings.layers import Merged
from agent.settings.models import Settings
from agent.settings.names import Location, field_at, holds_secret, nearest, section_of

_LONGEST_VALUE = 80
_KINDS = {
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "text",
    dict: "a table",
    list: "a list",
}
_SHOULD_BE = {
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "tuple_type": "should be a list",
    "path_type": "should be a path",
}


def describe(error: ValidationError, merged: Merged, root: type[BaseModel] = Settings) -> list[str]:
    """One sentence for each fault, naming the layer that set the value."""
    return [_sentence(details, merged, root) for details in error.errors(include_url=False)]


def _sentence(details: ErrorDetails, merged: Merged, root: type[BaseModel]) -> str:
    path: Location = details["loc"]
    if details["type"] == "conflict":
        path = (*path, details["ctx"]["key"])
    layer = merged.origin(path)
    key = _entry_key(path, merged.values) or (
        layer.key(path) if layer else ".".join(map(str, path))
    )
    complaint = (
        _unknown(path, merged, root)
        if details["type"] == "extra_forbidden"
        else _complaint(details, path, merged, root)
    )
    return f"{layer.name if layer else 'defaults'}: {key}: {complaint}"


def _unknown(path: Location, merged: Merged, root: type[BaseModel]) -> str:
    meant = nearest(path, root)
    if meant is None:
        return "unknown key"
    layer = merged.origin(path)
    in_entry = _entry_key(path, merged.values) is not None
    return (
        f"unknown key, did you mean {meant[-1] if in_entry or layer is None else layer.key(meant)}?"
    )


def _complaint(details: ErrorDetails, path: Location, merged: Merged, root: type[BaseModel]) -> str:
    kind, context = details["type"], details.get("ctx", {})
    field = field_at(path, root)
    if kind == "value_error":
        return str(context["error"])
    if kind == "conflict":
        return str(context["text"])
    if kind == "missing":
        return "is required"
    written = _value_at(path, merged.values, details["input"])
    shown = _shown(
        written, hide=field is not None and (holds_secret(field) or section_of(field) is not None)
    )
    if kind in _SHOULD_BE:
        return f"{shown} {_SHOULD_BE[kind]}"
    return re.sub(r"^(Input|String|Value|Tuple)(?= should)", lambda _: shown, details["msg"])


def _value_at(path: Location, values: Any, otherwise: Any) -> Any:
    """What was written at `path`, before anything was made of it."""
    for part in path:
        try:
            values = values[part]
        except (LookupError, TypeError):
            return otherwise
    return values


def _shown(value: Any, *, hide: bool) -> str:
    if hide or isinstance(value, dict | list):
        return f"({_KINDS.get(type(value), 'this')})"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _entry_key(path: Location, values: dict[str, Any]) -> str | None:
    """`rule 2 ("night"): hours` for what is inside a rule, or inside an entry of another list that
    has a name; None for anything else.
    """
    tables = [
        n
        for n, part in enumerate(path)
        if isinstance(part, int) and (n + 1 < len(path) or path[n - 1] == "rule")
    ]
    if not tables:
        return None
    position = tables[0]
    entry: Any = values
    for part in path[: position + 1]:
        entry = entry[part]
    above = [str(part) for part in path[:position]]
    has_name = isinstance(entry, dict) and isinstance(entry.get("name"), str)
    if not has_name and above[-1] != "rule":
        return None
    name = f' ("{entry["name"]}")' if has_name else ""
    keys = "".join(
        f"[{part}]" if isinstance(part, int) else f": {part}" for part in path[position + 1 :]
    )
    table = above[-1] if above[-1] == "rule" else ".".join(above)
    return f"{table} {int(path[position]) + 1}{name}{keys}"
