"""`callbox collect`: the fleet's collector, one process for years; and whether it would start."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from agent.commands.run import EX_CONFIG


def check_collector(config: Path | None) -> int:
    """Say whether a collector would start with these settings; nothing is opened or connected.
    Returns 78 where it would not, after a line for each fault.
    """
    from agent.errors import ConfigurationError
    from agent.fleet.collector_service import open_store
    from agent.fleet.collector_settings import load_collector_settings

    try:
        # of a database: what its address says
        open_store(load_collector_settings(config))
    except ConfigurationError as error:
        return _told(error.faults)
    print("The settings are fine.")
    return 0


def run_collector(config: Path | None) -> int:
    """Run until told to stop. Returns the exit code: 78 for a bad configuration, whose faults go to
    standard error.
    """
    from agent.errors import ConfigurationError
    from agent.fleet.collector_service import collect
    from agent.fleet.collector_settings import load_collector_settings
    from agent.service.logs import set_up_logging, set_up_tracebacks

    set_up_tracebacks()
    # who called whom is nobody else's
    os.umask(0o077)
    try:
        settings = load_collector_settings(config)
        set_up_logging(settings.log.level)
        asyncio.run(collect(settings))
    except ConfigurationError as error:
        return _told(error.faults)
    return 0


def _told(faults: list[str]) -> int:
    for fault in faults:
        print(f"callbox: {fault}", file=sys.stderr)
    return EX_CONFIG
