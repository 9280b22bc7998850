"""The protocol for other programs: JSON Schemas and an AsyncAPI document, made from the models.

`python -m agent.signaling.protocol.schema OUTDIR` writes `schemas/*.json` and `asyncapi.json` into
OUTDIR.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agent.signaling.protocol.asyncapi import document, models

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one message."""
    schema = _without_titles(model.model_json_schema(by_alias=True))
    # they have a default in the models, and no message goes without
    for field in ("event", "type"):
        if "const" in schema["properties"].get(field, {}):
            schema["properties"][field].pop("default", None)
            schema["required"] = [field, *schema.get("required", ())]
    return {"$schema": DRAFT, "$id": f"urn:callbox:v1:{name}", "title": model.__name__, **schema}


def files() -> dict[str, str]:
    """The text of every generated file, by its path under the output folder."""
    result = {
        f"schemas/{name}.json": _text(json_schema(name, model)) for name, model in models().items()
    }
    result["asyncapi.json"] = _text(document())
    return result


def write(folder: Path) -> None:
    """Write all files under `folder`, and remove schemas of messages that are no more."""
    wanted = files()
    for stale in (folder / "schemas").glob("*.json"):
        if f"schemas/{stale.name}" not in wanted:
            stale.unlink()
    for path, text in wanted.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m agent.signaling.protocol.schema OUTDIR")
    write(Path(sys.argv[1]))
