"""`callbox service`."""

from __future__ import annotations

import typer

from agent.commands.command_options import failed
from agent.commands.exit_codes import Exit
from agent.errors import ConfigurationError

service_app = typer.Typer(
    help="The systemd service of a callbox from pip or pipx.", no_args_is_help=True
)


@service_app.command()
def install() -> None:
    """Install systemd's units for this callbox, their users, directories and samples; again after
    each upgrade. Neither service is enabled: `callbox init` comes first.

    Example: sudo callbox service install
    """
    from agent.commands.service_setup import ServiceSetup

    try:
        for line in ServiceSetup().install():
            print(line)
    except ConfigurationError as error:
        raise failed(error.faults, Exit.FAILED) from None
    print("Next: sudo callbox init, then sudo systemctl enable --now callbox")


@service_app.command()
def remove() -> None:
    """Stop the services and take their units away. Settings, records and users stay.

    Example: sudo callbox service remove
    """
    from agent.commands.service_setup import ServiceSetup

    try:
        for line in ServiceSetup().remove():
            print(line)
    except ConfigurationError as error:
        raise failed(error.faults, Exit.FAILED) from None
    print("These stay: /etc/callbox, /var/lib/callbox, and the users callbox and callbox-collector")
