"""`python -m agent.core.call config docs` writes what is generated from the tables of a call."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from agent.core.call.call_table import call_table
from agent.core.call.drawing import draw


def files() -> dict[str, str]:
    """The text of every generated file, by its path in the repository."""
    table = call_table()
    tables = table["tables"]
    return {
        "config/call-table.json": json.dumps(table, indent=2) + "\n",
        "docs/call-incoming.svg": draw("A call that comes in", tables["incoming"], "closed"),
        "docs/call-outgoing.svg": draw("A call that goes out", tables["outgoing"], "closed"),
        "docs/call-liveness.svg": draw(
            "Liveness of the remote peer", table["liveness"], "vanished"
        ),
        "docs/call-renewals.svg": draw("Renewal of the transport", table["renewals"]),
    }


def write(root: Path, folders: list[str]) -> None:
    """Write the files of `folders` (`config`, `docs`) below `root`."""
    for path, text in files().items():
        if path.split("/")[0] in folders:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(), sys.argv[1:])
