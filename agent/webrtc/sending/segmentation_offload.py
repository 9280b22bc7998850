"""The packets of a picture with one system call: UDP segmentation offload (UDP_SEGMENT in udp(7);
Linux 4.18 or later).

The kernel takes packets of one size as a single buffer, looks the way up once, and cuts it behind
its queues: in the network card, or in software in front of a driver that cannot. The Raspberry Pi's
drivers cannot, and what is saved is saved all the same. A driver that cannot even make checksums
(some Wi-Fi) makes kernels before 6.11 refuse with EIO.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from asyncio.selector_events import _SelectorDatagramTransport  # type: ignore[attr-defined]
from collections.abc import Iterator, Sequence
from typing import Any

# What queues or drops on the way out of this machine sees one packet until it is cut: a bound on
# what goes with one drop, far below the kernel's own (64 segments, 64 KiB). QUIC's senders allow
# themselves the same.
MAX_SEGMENTS = 16

# the socket module has no name for it
_UDP_SEGMENT = 103
_SIZE = struct.Struct("@H")
# Refused by the kernel, by the interface or for the path's MTU: so it will be refused again.
_FOR_GOOD = frozenset(
    {errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP}
)


class SegmentationOffload:
    """Sends packets through asyncio's transports: in order, in as few system calls as the one of
    the moment allows.

    What is refused as a whole goes packet by packet: errors arrive where they would have without
    it.
    """

    def __init__(self) -> None:
        self._transport: Any = None
        # of this transport, while it takes whole runs
        self._socket: socket.socket | None = None

    def send(self, transport: Any, packets: Sequence[bytes], address: Any) -> None:
        if len(packets) == 1:
            transport.sendto(packets[0], address)
            return
        if transport is not self._transport:
            self._transport, self._socket = transport, segmenting_socket(transport)
        for run in runs(packets):
            if len(run) == 1 or not self._send_run(transport, run, address):
                for packet in run:
                    transport.sendto(packet, address)

    def _send_run(self, transport: Any, run: Sequence[bytes], address: Any) -> bool:
        """False: nothing of it has left."""
        if self._socket is None or transport.is_closing() or transport.get_write_buffer_size():
            # what waits goes first
            return False
        size = _SIZE.pack(len(run[0]))
        try:
            self._socket.sendmsg(run, [(socket.IPPROTO_UDP, _UDP_SEGMENT, size)], 0, address)
        except OSError as error:
            if error.errno in _FOR_GOOD:
                self._socket = None
            return False
        return True


def runs(packets: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Packets in order, in pieces that the kernel can cut again: all of one size, but the last may
    be smaller.
    """
    start, sizes = 0, [len(packet) for packet in packets]
    while start < len(packets):
        size, end = sizes[start], start + 1
        while (
            end < len(packets)
            and end - start < MAX_SEGMENTS
            and sizes[end - 1] == size >= sizes[end]
        ):
            end += 1
        yield packets[start:end]
        start = end


def segmenting_socket(transport: Any) -> socket.socket | None:
    """The socket behind a transport; None where it is not a plain one (a relay's) or cannot do it.

    A kernel that does not know the option would ignore it beside a packet, and send one far too
    large.
    """
    if (
        sys.platform != "linux"
        or not isinstance(transport, _SelectorDatagramTransport)
        or transport.is_closing()
    ):
        return None
    sock: socket.socket = transport._sock
    try:
        sock.getsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT)
    except OSError:
        return None
    return sock
