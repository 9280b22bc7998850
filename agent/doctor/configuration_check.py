"""`callbox check`: what is wrong with settings, policy and what they name."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from agent.errors import ConfigurationError
from agent.service.status_socket import ask, candidates
from agent.settings import Settings, advise, load_policy, load_settings


def judge(config: Path | None) -> tuple[list[str], list[str]]:
    """Faults, which keep the device or a part of it from working, and warnings."""
    try:
        settings = load_settings(config, every_file=True)
        warnings = advise(settings, load_policy(settings))
    except ConfigurationError as error:
        return error.faults, []
    return [*taken_ports(settings)], warnings


def taken_ports(settings: Settings) -> Iterator[str]:
    """Ports that another program has. One that the device itself serves is its own."""
    web = settings.web
    if not web.enabled or _serves_page(settings.uid):
        return
    try:
        _bind(web.host, web.port)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            yield f"web.port: {web.host}, port {web.port} cannot be had: {error.strerror}"


def _serves_page(uid: str) -> bool:
    """Whether the running device has the page's port."""
    for path in candidates():
        try:
            status = ask(path)
        except (OSError, ValueError):
            continue
        if status["uid"] == uid:
            return "page" not in status.get("faults", {})
    return False


def _bind(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
