"""`callbox collect`: the fleet's collector, one process for years."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from agent.commands.run import EX_CONFIG


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
        for fault in error.faults:
            print(f"callbox: {fault}", file=sys.stderr)
        return EX_CONFIG
    return 0
