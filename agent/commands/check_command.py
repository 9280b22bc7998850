"""`callbox check`."""

from __future__ import annotations

import typer

from agent.commands.command_options import ConfigOption, JsonOption


def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Read settings and policy and judge them: every fault with its file, key and value.

    What cannot be used now (a file, a port) is told, and no fault: the device starts without it.

    Example: callbox check --config door.toml
    """
    from agent.commands.check_report import show

    raise typer.Exit(show(config, as_json=as_json))
