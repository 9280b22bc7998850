"""The JSON Schema of each message, made from its model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from agent.signaling.protocol.descriptions import describe

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one message."""
    schema = _without_titles(model.model_json_schema(by_alias=True))
    # they have a default in the models, and no message goes without
    for field in ("event", "type"):
        if "const" in schema["properties"].get(field, {}):
            schema["properties"][field].pop("default", None)
            schema["required"] = [field, *schema.get("required", ())]
    _explain(model.__name__, schema)
    for part, inner in schema.get("$defs", {}).items():
        _explain(part, inner)
    return {"$schema": DRAFT, "$id": f"urn:callbox:v1:{name}", "title": model.__name__, **schema}


def _explain(model: str, schema: dict[str, Any]) -> None:
    """Give each field of an object its description."""
    for field, value in schema.get("properties", {}).items():
        text = describe(model, field)
        if text is not None:
            value["description"] = text


def _without_titles(value: Any) -> Any:
    """`value` without the titles that pydantic makes of each field's name."""
    if isinstance(value, dict):
        return {
            key: _without_titles(each) for key, each in value.items() if not _is_title(key, each)
        }
    if isinstance(value, list):
        return [_without_titles(each) for each in value]
    return value


def _is_title(key: str, value: Any) -> bool:
    return key == "title" and isinstance(value, str)
