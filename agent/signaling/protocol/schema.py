"""The protocol for other programs: JSON Schemas and an AsyncAPI document, made from the models.

`python -m agent.signaling.protocol.schema OUTDIR DOCUMENTS` writes `schemas/*.json` and
`asyncapi.json` into OUTDIR, and `messages.md` into DOCUMENTS.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.signaling.protocol import message_paper
from agent.signaling.protocol.asyncapi import document, models
from agent.signaling.protocol.json_schemas import json_schema


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


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m agent.signaling.protocol.schema OUTDIR DOCUMENTS")
    write(Path(sys.argv[1]))
    Path(sys.argv[2], message_paper.FILE).write_text(message_paper.paper(), encoding="utf-8")
