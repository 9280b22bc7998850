"""What the commands have in common: options, and how a fault is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.commands.exit_codes import Exit

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings on top of /etc/callbox.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]


def failed(faults: list[str], code: Exit) -> typer.Exit:
    """The end of a command, after a line for each fault."""
    for fault in faults:
        print(f"callbox: {fault}", file=sys.stderr)
    return typer.Exit(code)
