"""`callbox press`: a button that is pressed by hand, for tests, scripts and people."""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.errors import ConfigurationError
from agent.printable import printable

_BAD_CONFIGURATION = 78  # sysexits(3) EX_CONFIG


class PressExit(IntEnum):
    """Exit codes."""

    RANG = 0
    SUPPRESSED = 3
    NO_SUCH_BUTTON = 5
    NO_DAEMON = 6


def press(
    name: Annotated[
        str, typer.Argument(help="Of the button; the first one unless given.", show_default=False)
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Of the daemon, to find it.", show_default=False),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs: JSON on standard output.")
    ] = False,
) -> None:
    """Press a button of the daemon on this machine. Exit 3 where nobody is called because of it, 5
    where there is no such button, 6 where no daemon answers.

    Example: callbox press front
    """
    from agent.commands.status_report import NotRunning, asked
    from agent.service import status_client

    try:
        outcome = asked(_sockets(config), lambda path: status_client.press(path, name))
    except ConfigurationError as error:
        for fault in error.faults:
            print(f"callbox: {fault}", file=sys.stderr)
        raise typer.Exit(_BAD_CONFIGURATION) from None
    except NotRunning as error:
        print(f"callbox: {error}", file=sys.stderr)
        raise typer.Exit(PressExit.NO_DAEMON) from None
    print(json.dumps(outcome) if as_json else printable(describe_press(outcome)))
    raise typer.Exit(exit_code(outcome))


def exit_code(outcome: dict[str, Any]) -> PressExit:
    """What a script is told of it."""
    if outcome.get("ok"):
        return PressExit.RANG
    suppressed = outcome.get("code") == "suppressed"
    return PressExit.SUPPRESSED if suppressed else PressExit.NO_SUCH_BUTTON


def describe_press(outcome: dict[str, Any]) -> str:
    """The line that `callbox press` prints."""
    if not outcome.get("ok"):
        return str(outcome.get("message") or outcome.get("code"))
    if outcome.get("repeated"):
        return "It belongs to the press before."
    if outcome.get("waits"):
        return "The broker is away: the ring is kept, and told later."
    targets = ", ".join(map(str, outcome.get("targets") or ()))
    return f"It rings at {targets}." if targets else "It rings here alone: ring.targets is empty."


def _sockets(config: Path | None) -> list[Path]:
    """Where the daemon of that file listens, or any."""
    from agent.service.status_client import candidates

    if config is None:
        return candidates()
    from agent.settings import load_settings

    own = f"{load_settings(config).uid}.sock"
    found = candidates()
    return [each for each in found if each.name == own] or found
