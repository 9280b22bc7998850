"""`callbox run` and `callbox collect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.command_options import ConfigOption


def run(config: ConfigOption = None) -> None:
    """Run the device until it is told to stop. Exit 78 for a bad configuration, 75 where another
    daemon has its state directory.

    Example: callbox run --config door.toml
    """
    from agent.commands.run import run_device

    raise typer.Exit(run_device(config))


def collect(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="The collector's file.", show_default=False),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Judge the settings, and start nothing.")
    ] = False,
) -> None:
    """Run the fleet's collector until it is told to stop. Exit 78 for a bad configuration.

    Example: callbox collect --config collector.toml
    """
    from agent.commands.collect import check_collector, run_collector

    raise typer.Exit(check_collector(config) if check else run_collector(config))
