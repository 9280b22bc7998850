"""`callbox run`: one process for years, on a board with 512 MB, so it loads what a device needs and
nothing else.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from types import ModuleType

EX_CONFIG = 78  # sysexits(3)
EX_TEMPFAIL = 75


def run_device(config: Path | None) -> int:
    """Run until told to stop. Returns the exit code: 78 for a bad configuration, whose faults go to
    standard error; 75 where another daemon has the state directory.
    """
    leave_out_dns()
    from agent.core.policy.rules import Policy
    from agent.daemon import Daemon
    from agent.errors import AlreadyRunning, ConfigurationError
    from agent.service.logs import set_up_logging, set_up_tracebacks
    from agent.settings import Settings, load_policy, load_settings

    set_up_tracebacks()

    def load() -> tuple[Settings, Policy]:
        settings = load_settings(config)
        return settings, load_policy(settings)

    try:
        daemon = Daemon(load)
    except ConfigurationError as error:
        for fault in error.faults:
            print(f"callbox: {fault}", file=sys.stderr)
        return EX_CONFIG
    set_up_logging(daemon.settings.log.level)
    # records of calls, and what an operator has set, are nobody else's
    os.umask(0o077)
    try:
        asyncio.run(daemon.run())
    except ConfigurationError as error:
        for fault in error.faults:
            print(f"callbox: {fault}", file=sys.stderr)
        return EX_CONFIG
    except AlreadyRunning as error:
        print(f"callbox: {error}", file=sys.stderr)
        return EX_TEMPFAIL
    return 0


def leave_out_dns() -> None:
    """Three megabytes and sixty modules: paho would look up SRV records with dnspython, aioice
    names in `.local`.

    The broker is a host and a port; and what aioice needs is loaded when the first caller gives
    such a name (`agent/webrtc/internals/mdns.py`). For this process only; a program that uses
    `agent.client` keeps what it has.
    """
    sys.modules.setdefault("dns.resolver", None)  # type: ignore[arg-type]
    silent = ModuleType("aioice.mdns")
    silent.is_mdns_hostname = lambda _name: False  # type: ignore[attr-defined]
    silent.MDnsProtocol = object  # type: ignore[attr-defined]
    sys.modules.setdefault("aioice.mdns", silent)
