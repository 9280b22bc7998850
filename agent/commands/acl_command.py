"""`callbox acl BROKER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.commands.acl import Around, BrokerKind
from agent.errors import ConfigurationError

EX_CONFIG = 78  # sysexits(3)


def acl(
    broker: Annotated[BrokerKind, typer.Argument(help="Whose rules.", metavar="BROKER")],
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Settings on top of /etc/callbox.", show_default=False),
    ] = None,
    household: Annotated[str, typer.Option(help="User name of the household.")] = "household",
    home_assistant: Annotated[
        str, typer.Option("--homeassistant", help="User name of Home Assistant.")
    ] = "homeassistant",
    collector: Annotated[str, typer.Option(help="User name of the collector.")] = "collector",
) -> None:
    """The broker's rules for this device and everybody around it.

    BROKER: mosquitto, emqx, hivemq, rabbitmq or nanomq.

    Example: callbox acl mosquitto --config door.toml > callbox.acl
    """
    from agent.commands.acl_formats import rules
    from agent.settings import load_settings

    try:
        settings = load_settings(config)
        around = Around(
            uid=settings.uid,
            username=settings.mqtt.username or settings.uid,
            prefix=settings.topic_prefix,
            household=household,
            home_assistant=home_assistant,
            collector=collector,
            discovery=settings.homeassistant.prefix,
        )
        print(rules(broker, around), end="")
    except ConfigurationError as error:
        for fault in error.faults:
            print(f"callbox: {fault}", file=sys.stderr)
        raise typer.Exit(EX_CONFIG) from None
