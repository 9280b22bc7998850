"""What the kernel tells whoever listens (netlink(7)), read on the event loop."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

# bytes of one datagram
BUFFER = 65_536
_KERNEL_PORT = 0


class NetlinkListener:
    """An async context around a socket of a netlink protocol.

    `on_data` gets each datagram from the kernel; another program may write to a group, too, and is
    not heard. `on_overrun` is called where there was more than the kernel kept for us.
    """

    def __init__(
        self,
        protocol: int,
        groups: int,
        on_data: Callable[[bytes], None],
        on_overrun: Callable[[], None],
    ) -> None:
        self._protocol = protocol
        self._groups = groups
        self._on_data = on_data
        self._on_overrun = on_overrun
        self._socket: socket.socket | None = None

    async def __aenter__(self) -> Self:
        """Raises OSError where there is no netlink: no Linux, or a sandbox."""
        netlink = open_netlink(self._protocol, self._groups)
        self._socket = netlink
        asyncio.get_running_loop().add_reader(netlink, self._read, netlink)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def send(self, request: bytes) -> None:
        """Ask the kernel something. Nothing where this is not open."""
        if self._socket is not None:
            self._socket.send(request)

    def _read(self, netlink: socket.socket) -> None:
        try:
            data, (port, _groups) = netlink.recvfrom(BUFFER)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self._on_overrun()
            return
        if port == _KERNEL_PORT:
            self._on_data(data)


def open_netlink(protocol: int, groups: int) -> socket.socket:
    """A socket that hears these groups. Raises OSError."""
    try:
        family = socket.AF_NETLINK
    except AttributeError as error:
        raise OSError(errno.EAFNOSUPPORT, "this system has no netlink") from error
    netlink = socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        netlink.setblocking(False)
        netlink.bind((0, groups))
    except OSError:
        netlink.close()
        raise
    return netlink
