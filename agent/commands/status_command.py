"""`callbox status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.command_options import JsonOption


def status(
    socket: Annotated[
        Path | None,
        typer.Option(help="Of the daemon. The service's unless given.", show_default=False),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Again every second, until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """What the daemon on this machine is doing now. Exit 6 where none answers.

    Example: sudo callbox status --watch
    """
    from agent.commands.status_report import show

    raise typer.Exit(show(socket, as_json=as_json, watch=watch))
