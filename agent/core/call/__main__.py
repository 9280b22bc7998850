"""`python -m agent.core.call config` writes what is generated from the tables of a call."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from agent.core.call.call_table import call_table


def files() -> dict[str, str]:
    """The text of every generated file, by its path in the repository."""
    return {"config/call-table.json": json.dumps(call_table(), indent=2) + "\n"}


def write(root: Path, folders: list[str]) -> None:
    """Write the files of `folders` (`config`, `docs`) below `root`."""
    for path, text in files().items():
        if path.split("/")[0] in folders:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(), sys.argv[1:])
