"""The command line: which commands there are. Each is read from its module when it is asked for."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated

import typer

from agent import __version__

COMMANDS = {
    "run": "agent.commands.run_command:run",
    "init": "agent.commands.init_command:init",
    "check": "agent.commands.check_command:check",
    "status": "agent.commands.status_command:status",
    "doctor": "agent.commands.doctor_command:doctor",
    "press": "agent.commands.press_command:press",
    "call": "agent.commands.call_command:call",
    "policy": "agent.commands.policy_command:policy_app",
    "service": "agent.commands.service_command:service_app",
    "acl": "agent.commands.acl_command:acl",
    "demo": "agent.commands.demo_command:demo",
    "collect": "agent.commands.run_command:collect",
    "fleet": "agent.commands.fleet_command:fleet_app",
}
"""Where each command, or group of commands, is declared."""


def make_app(only: str | None = None) -> typer.Typer:
    """The whole command line; or with one of COMMANDS alone, which a small board reads in a third
    of the time.
    """
    app = typer.Typer(
        name="callbox",
        help="A device that can be called: MQTT invitations, H.264 over WebRTC, every event "
        "published.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # plain text: what draws boxes takes longer to load than all commands together
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in COMMANDS if only is None else (only,):
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(module), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        print(f"callbox {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Every command."""
    first = sys.argv[1] if len(sys.argv) > 1 else None
    make_app(first if first in COMMANDS else None)()
