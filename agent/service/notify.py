"""Telling systemd how we are: the datagrams of sd_notify(3), and what it asks of us in the
environment.

systemd-python sends them where it is installed; without it a socket of our own says the same. Run
from a terminal there is nobody to tell, and every call does nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

logger = logging.getLogger(__name__)

Send = Callable[[str], object]

# characters; `systemctl status` shows one line
_LONGEST_STATUS = 400


class Notifier:
    """One process's line to its service manager. `send` delivers a datagram's text, and may raise
    OSError.
    """

    def __init__(
        self, send: Send | None = None, *, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._send = send
        self._monotonic_ns = monotonic_ns
        self._status: str | None = None
        self._deaf = False

    @property
    def managed(self) -> bool:
        """Whether anybody listens."""
        return self._send is not None

    def ready(self, status: str) -> None:
        """Start-up, or a reload, is complete."""
        self._tell("READY=1", status)

    def status(self, status: str) -> None:
        """What is going on, in words. Said once, however often it is repeated."""
        if status != self._status:
            self._tell("", status)

    def reloading(self) -> None:
        """A reload begins; `ready` ends it. The time lets systemd tell this reload from an earlier
        one.
        """
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={self._monotonic_ns() // 1000}", "reloading")

    def stopping(self, status: str) -> None:
        self._tell("STOPPING=1", status)

    def extend_timeout(self, seconds: float) -> None:
        """Whatever is going on (start, stop) may take `seconds` from now."""
        self._tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def watchdog(self) -> None:
        """All is well. systemd restarts a service that leaves this out for WatchdogSec."""
        self._tell("WATCHDOG=1")

    def _tell(self, message: str, status: str | None = None) -> None:
        lines = [message] if message else []
        if status is not None:
            self._status = status
            lines.append("STATUS=" + " ".join(status.split())[:_LONGEST_STATUS])
        if self._send is None:
            return
        try:
            self._send("\n".join(lines))
        except OSError as error:
            if not self._deaf:
                logger.warning("the service manager cannot be told anything: %s", error)
            self._deaf = True
        else:
            self._deaf = False


def open_notifier(environ: Mapping[str, str] = os.environ) -> Notifier:
    """To the service manager that started us; to nobody where there is none."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return Notifier()
    with contextlib.suppress(ImportError):
        return Notifier(import_module("systemd.daemon").notify)
    return Notifier(partial(send_datagram, address))


def send_datagram(address: str, text: str) -> None:
    """One datagram to a socket in the file system, or (`@...`) in the abstract namespace. Raises
    OSError.
    """
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        # a full queue is an error, not a reason to hang
        sock.setblocking(False)
        sock.sendto(text.encode(), name)


def watchdog_timeout(environ: Mapping[str, str] = os.environ) -> float | None:
    """Seconds after which the service manager wants to have heard of us; None where it does not
    watch this process.
    """
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 else None
