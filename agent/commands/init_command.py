"""`callbox init`: its options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.commands.command_options import failed
from agent.commands.exit_codes import Exit
from agent.errors import ConfigurationError


def init(
    uid: Annotated[
        str | None, typer.Option(help="By which name it is called.", show_default=False)
    ] = None,
    broker: Annotated[
        str | None, typer.Option(help="mqtt[s]://HOST[:PORT]", show_default=False)
    ] = None,
    username: Annotated[
        str | None, typer.Option(help="At the broker; empty: none.", show_default=False)
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(
            help="Holds the broker's password; asked for unless given.", show_default=False
        ),
    ] = None,
    camera: Annotated[str | None, typer.Option(help="As video.source.", show_default=False)] = None,
    callers: Annotated[
        str | None,
        typer.Option(help="Who may call: uids or patterns, with commas.", show_default=False),
    ] = None,
    homeassistant: Annotated[
        bool | None,
        typer.Option(help="Whether to show it in Home Assistant.", show_default=False),
    ] = None,
    directory: Annotated[Path, typer.Option(help="Where to write to.")] = Path("/etc/callbox"),
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write a first configuration: questions, or options, and then a check of the outcome.

    Example: sudo callbox init --uid door-1 --broker mqtt://broker.lan --callers 'family-*'
    """
    from agent.commands import first_configuration as first
    from agent.commands.questions import answer
    from agent.settings import advise, load_policy, load_settings

    try:
        answers = answer(uid, broker, username, password_file, camera, callers, homeassistant)
        for path in first.write(answers, directory, force=force):
            print(f"Written: {path}")
        settings = load_settings(root=directory)
        advice = advise(settings, load_policy(settings, root=directory))
    except ConfigurationError as error:
        raise failed(error.faults, Exit.BAD_CONFIGURATION) from None
    for warning in advice:
        print(f"callbox: warning: {warning}", file=sys.stderr)
    print("The settings and the policy are fine. Next: sudo systemctl enable --now callbox")
