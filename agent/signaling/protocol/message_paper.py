"""docs/messages.md: every message with its fields and an example, made from the models."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

from agent.signaling.protocol.asyncapi import models
from agent.signaling.protocol.json_schemas import json_schema
from agent.signaling.protocol.message_examples import EXAMPLES

FILE = "messages.md"
_HEAD = """\
# Messages

What goes over the broker, message by message; [the protocol](protocol.md) says who may send
what, and when. Fields in bold are always there. The same as files for programs:
[config/asyncapi.json](../config/asyncapi.json) and [config/schemas/](../config/schemas). Made by
`make generate`.
"""
_GROUPS = {
    "signal": ("Signalling", "On `<prefix>/<to>/signal/<from>` (protocol, section 2)."),
    "event": ("Events", "On `<prefix>/<uid>/events/<event>` (protocol, section 5)."),
    "command": ("Commands", "On `<prefix>/<uid>/command/<verb>` (protocol, section 6)."),
    "": ("Of the device", "On `<prefix>/<uid>/<name>` (protocol, sections 1 and 6)."),
}


def paper() -> str:
    """The text of the file."""
    parts = [_HEAD]
    for group, (title, topic) in _GROUPS.items():
        parts += [f"## {title}\n", f"{topic}\n"]
        parts += [_message(name) for name in models() if _group_of(name) == group]
    return "\n".join(parts)


def _group_of(name: str) -> str:
    first = name.partition("-")[0]
    return first if first in _GROUPS and first != name else ""


def _message(name: str) -> str:
    model = models()[name]
    schema = json_schema(name, model)
    text = " ".join((inspect.getdoc(model) or "").split())
    lines = [f"### {name.partition('-')[2] or name}\n", f"{text}\n", *_table(schema, schema)]
    for field, inner in _objects(schema, schema):
        lines += ["", f"`{field}`:\n", *_table(inner, schema)]
    example = json.dumps(EXAMPLES[name], indent=2, ensure_ascii=False)
    return "\n".join([*lines, "", "```json", example, "```", ""])


def _table(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    if not schema.get("properties"):
        yield "No fields."
        return
    yield "| field | type | |"
    yield "|---|---|---|"
    required = set(schema.get("required", ()))
    for field, value in schema["properties"].items():
        name = f"**`{field}`**" if field in required else f"`{field}`"
        yield f"| {name} | {type_of(value, root)} | {value.get('description', '')} |"


def _objects(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects within, once each, by the names of the fields that hold them."""
    held: dict[str, list[str]] = {}
    for field, value in schema.get("properties", {}).items():
        for reference in _references(value):
            held.setdefault(reference, []).append(field)
    for reference, fields in held.items():
        inner = root["$defs"][reference]
        if inner.get("properties"):
            yield ", ".join(fields), inner
            yield from _objects(inner, root)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rsplit("/", 1)[-1]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def type_of(value: dict[str, Any], root: dict[str, Any]) -> str:
    """In words, such as `"on" or "off"` or `array of string`."""
    if "$ref" in value:
        inner = root["$defs"][value["$ref"].rsplit("/", 1)[-1]]
        return type_of(inner, root) if "enum" in inner else "object"
    if "const" in value:
        return json.dumps(value["const"])
    if "enum" in value:
        return ", ".join(json.dumps(each) for each in value["enum"])
    if "anyOf" in value:
        # what is not known is left out; null is sent where it has a meaning, which is told
        spoken = [
            each
            for each in value["anyOf"]
            if each.get("type") != "null" or "null" in value.get("description", "")
        ]
        return " or ".join(dict.fromkeys(type_of(each, root) for each in spoken))
    if value.get("type") == "array":
        items = value.get("items")
        return f"array of {type_of(items, root)}" if items else "array"
    return str(value.get("type", "any JSON"))
