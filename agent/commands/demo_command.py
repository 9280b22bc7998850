"""`callbox demo`: its options."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from agent.commands.command_options import failed
from agent.commands.exit_codes import Exit
from agent.errors import CallboxError, ConfigurationError

Port = Annotated[int, typer.Option(min=1, max=65535, help="Where the page is served.")]
Host = Annotated[
    str,
    typer.Option(
        help="An address of this machine, for a phone on the same network: with a certificate "
        "and a password, which it tells. On this machine only unless given."
    ),
]
BrokerPort = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        help="Of the demo's own broker; any that is free.",
        show_default=False,
    ),
]
FleetPort = Annotated[int, typer.Option(min=1, max=65535, help="Where the fleet's page is served.")]


def demo(
    port: Port = 8080,
    broker_port: BrokerPort = None,
    uid: Annotated[str, typer.Option(help="The name of the demo's device.")] = "door-1",
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser.")
    ] = False,
    doorbell: Annotated[
        bool, typer.Option("--doorbell", help="With a button: press Enter, and the page rings.")
    ] = False,
    fleet: Annotated[
        int,
        typer.Option(
            min=0,
            max=60,
            metavar="N",
            help="N simulated devices that call each other, the collector, and the fleet's page.",
        ),
    ] = 0,
    fleet_port: FleetPort = 9300,
    host: Host = "127.0.0.1",
    embedded: Annotated[
        bool,
        typer.Option(
            hidden=True, help="Use the embedded broker even where mosquitto is installed."
        ),
    ] = False,
) -> None:
    """Try it: a broker, a device with a test picture, and a page to call it from. Ctrl-C ends it
    all.

    Example: callbox demo --port 8081 --doorbell
    """
    from agent.commands.demo import DemoPlan, run_demo
    from agent.service.logs import set_up_logging

    set_up_logging("warning")
    plan = DemoPlan(
        port, broker_port, uid, open_browser, embedded, doorbell, fleet, fleet_port, host
    )
    try:
        asyncio.run(run_demo(plan, lambda text: print(text, flush=True)))
    except ConfigurationError as error:
        raise failed(error.faults, Exit.BAD_CONFIGURATION) from None
    except CallboxError as error:
        raise failed([str(error)], Exit.FAILED) from None
