"""The page's listening sockets: who is accepted is counted before TLS and before HTTP.

A connection over the limit is accepted and closed at once: left in the backlog it would keep the
event loop awake.
"""

from __future__ import annotations

import ipaddress
import os
import resource
import socket
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from agent.counts import RefusalCounts, RefusalKind, refusals

# in all, and of one source; a browser opens up to six, and one more for MQTT
MAX_CONNECTIONS = 96
MAX_FROM_SOURCE = 32
# the rest of the descriptors is for calls
SHARE_OF_DESCRIPTORS = 0.5
BACKLOG = 64
# refused in a row before the event loop gets a turn
_REFUSALS_AT_ONCE = 32


def open_descriptors() -> int:
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))


def descriptor_limit() -> int:
    """How many it may have (RLIMIT_NOFILE)."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class ConnectionLimits:
    """How many connections there are, of whom. `descriptors` tells how many files are open."""

    def __init__(
        self,
        *,
        in_all: int = MAX_CONNECTIONS,
        from_source: int = MAX_FROM_SOURCE,
        descriptors: Callable[[], int] = open_descriptors,
        descriptor_limit: Callable[[], int] = descriptor_limit,
        counts: RefusalCounts = refusals,
    ) -> None:
        self._in_all = in_all
        self._from_source = from_source
        self._descriptors = descriptors
        self._descriptor_limit = descriptor_limit
        self._counts = counts
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, address: str) -> str | None:
        """Count a connection from `address`. Returns its source for `release`; None: refused.

        A loopback address is nobody's in particular: the limit for a source does not apply.
        """
        source, local = source_of(address)
        with self._lock:
            full = self._open.total() >= self._in_all or (
                not local and self._open[source] >= self._from_source
            )
            if not full and self._descriptors() < self._descriptor_limit() * SHARE_OF_DESCRIPTORS:
                self._open[source] += 1
                return source
        self._counts.count(RefusalKind.CONNECTION)
        return None

    def release(self, source: str) -> None:
        with self._lock:
            self._open[source] -= 1
            if self._open[source] <= 0:
                del self._open[source]

    @property
    def total(self) -> int:
        return self._open.total()


def source_of(address: str) -> tuple[str, bool]:
    """Who counts as one: an IPv4 address, or the /64 of an IPv6 one; and whether it is loopback."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address, False
    if isinstance(ip, ipaddress.IPv6Address):
        mapped = ip.ipv4_mapped
        if mapped is None:
            return str(ipaddress.ip_network((ip, 64), strict=False)), ip.is_loopback
        ip = mapped
    return str(ip), ip.is_loopback


class _AcceptedSocket(socket.socket):
    """Gives its place back when it is closed."""

    release: Callable[[], None] | None = None

    def close(self) -> None:
        super().close()
        release, self.release = self.release, None
        if release is not None:
            release()


class CountingListener(socket.socket):
    """A listening socket whose `accept` keeps to `limits`; asyncio calls it when somebody waits."""

    limits: ConnectionLimits

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises BlockingIOError where nobody waits whom the limits allow."""
        for _ in range(_REFUSALS_AT_ONCE):
            descriptor, address = self._accept()  # type: ignore[attr-defined]
            connection = _AcceptedSocket(self.family, self.type, self.proto, fileno=descriptor)
            source = self.limits.take(str(address[0]))
            if source is not None:
                connection.release = partial(self.limits.release, source)
                return connection, address
            connection.close()
        raise BlockingIOError


def listen(host: str, port: int, limits: ConnectionLimits) -> list[socket.socket]:
    """Sockets that listen at every address of `host`. Raises OSError."""
    found = dict.fromkeys(
        (family, kind, protocol, address)
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    )
    listeners: list[CountingListener] = []
    try:
        for family, kind, protocol, address in found:
            listener = CountingListener(family, kind, protocol)
            listener.limits = limits
            listeners.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            listener.setblocking(False)
    except OSError:
        for opened in listeners:
            opened.close()
        raise
    return [*listeners]
