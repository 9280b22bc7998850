"""Packets that leave together, through real sockets: all arrive, once and in order, whatever the
kernel says.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.webrtc.sending.segmentation_offload import MAX_SEGMENTS, SegmentationOffload, runs
from tests.waiting import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux cuts packets")

LOOPBACK = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


class Watched(socket.socket):
    """A socket that tells what it was asked for, and refuses when it is told to."""

    def __init__(self, family: int = socket.AF_INET) -> None:
        super().__init__(family, socket.SOCK_DGRAM)
        # how many packets each call of `sendmsg` had
        self.runs: list[int] = []
        self.alone = 0  # calls of `sendto`
        # runs, with this number
        self.refuses: int | None = None
        self.full = False

    def sendmsg(self, buffers: Any, *arguments: Any) -> int:
        self.runs.append(len(buffers))
        if self.refuses is not None:
            raise OSError(self.refuses, os.strerror(self.refuses))
        return super().sendmsg(buffers, *arguments)

    def sendto(self, *arguments: Any) -> int:
        if self.full:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self.alone += 1
        return super().sendto(*arguments)


class Protocol(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.errors: list[Exception] = []

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)


class Path:
    """A transport of asyncio over a `Watched` socket, and a plain socket at its end."""

    def __init__(
        self, transport: Any, protocol: Protocol, sock: Watched, end: socket.socket
    ) -> None:
        self.transport, self.protocol, self.socket = transport, protocol, sock
        self.address = end.getsockname()[:2]
        self._end = end
        self._offload = SegmentationOffload()

    def send(self, packets: Sequence[bytes]) -> None:
        self._offload.send(self.transport, packets, self.address)

    async def arrived(self, count: int) -> list[bytes]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            return [await loop.sock_recv(self._end, 65536) for _ in range(count)]


@asynccontextmanager
async def path(family: int = socket.AF_INET, host: str = "127.0.0.1") -> AsyncIterator[Path]:
    with Watched(family) as sock, socket.socket(family, socket.SOCK_DGRAM) as end:
        for each in (sock, end):
            each.setblocking(False)
            try:
                each.bind((host, 0))
            except OSError as error:
                pytest.skip(f"{host}: {error}")
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(Protocol, sock=sock)
        try:
            yield Path(transport, protocol, sock, end)
        finally:
            transport.close()
            # it closes the socket then
            await asyncio.sleep(0)


def packets(*sizes: int) -> list[bytes]:
    """No two alike."""
    return [
        number.to_bytes(2) + random.Random(number).randbytes(size - 2)
        for number, size in enumerate(sizes)
    ]


PICTURE = packets(*[1250] * 13, 700)


@pytest.mark.parametrize(("family", "host"), LOOPBACK, ids=["IPv4", "IPv6"])
async def test_segmentation_offload_picture_leaves_in_one_call(family: int, host: str) -> None:
    async with path(family, host) as way:
        way.send(PICTURE)
        assert await way.arrived(14) == PICTURE
        assert (way.socket.runs, way.socket.alone) == ([14], 0)


async def test_segmentation_offload_packets_of_all_sizes_arrive_as_they_are() -> None:
    sent = packets(40, 1250, 1250, 800, 1301, 1301, 20, 20, 1250, *[900] * 40)
    async with path() as way:
        way.send(sent)
        assert await way.arrived(len(sent)) == sent
        assert way.socket.runs == [3, 3, 2, MAX_SEGMENTS, MAX_SEGMENTS, 7]
        assert way.socket.alone == 2


async def test_segmentation_offload_packet_alone_goes_as_ever() -> None:
    async with path() as way:
        way.send(PICTURE[:1])
        assert await way.arrived(1) == PICTURE[:1]
        assert (way.socket.runs, way.socket.alone) == ([], 1)


@pytest.mark.parametrize(
    "number", [errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP]
)
async def test_segmentation_offload_what_is_refused_for_good_is_not_tried_again(
    number: int,
) -> None:
    async with path() as way:
        way.socket.refuses = number
        for _ in range(2):
            way.send(PICTURE)
            assert await way.arrived(14) == PICTURE
        assert (way.socket.runs, way.socket.alone) == ([14], 28)
        assert not way.protocol.errors


@pytest.mark.parametrize(
    "number", [errno.EAGAIN, errno.EINTR, errno.ENOBUFS, errno.EPERM, errno.ENETUNREACH]
)
async def test_segmentation_offload_what_is_refused_for_now_is_tried_again(number: int) -> None:
    async with path() as way:
        way.socket.refuses = number
        way.send(PICTURE)
        way.socket.refuses = None
        way.send(PICTURE)
        assert await way.arrived(28) == PICTURE * 2
        assert (way.socket.runs, way.socket.alone) == ([14, 14], 14)


async def test_segmentation_offload_kernel_that_does_refuse_it() -> None:
    """A real refusal: without checksums of its own the kernel cuts nothing."""
    async with path() as way:
        way.socket.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK
        for _ in range(2):
            way.send(PICTURE)
            assert await way.arrived(14) == PICTURE
        assert (way.socket.runs, way.socket.alone) == ([14], 28)


async def test_segmentation_offload_kernel_that_does_not_know_it_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # no option of UDP has this number
    monkeypatch.setattr("agent.webrtc.sending.segmentation_offload._UDP_SEGMENT", 99)
    async with path() as way:
        way.send(PICTURE)
        assert await way.arrived(14) == PICTURE
        assert (way.socket.runs, way.socket.alone) == ([], 14)


async def test_segmentation_offload_what_waits_in_the_transport_goes_first() -> None:
    async with path() as way:
        way.socket.full = True
        way.send(PICTURE[:1])
        way.send(PICTURE[1:5])
        assert way.transport.get_write_buffer_size() == 5 * 1250
        way.socket.full = False
        way.send(PICTURE[5:])
        assert await way.arrived(14) == PICTURE
        assert way.socket.runs == []
        way.send(PICTURE)
        assert await way.arrived(14) == PICTURE
        assert way.socket.runs == [14]


async def test_segmentation_offload_socket_that_fills_up_meanwhile_keeps_the_order() -> None:
    async with path() as way:
        way.socket.refuses, way.socket.full = errno.EAGAIN, True
        way.send(PICTURE)
        way.socket.refuses = None
        way.send(PICTURE)
        assert way.transport.get_write_buffer_size() == 2 * sum(map(len, PICTURE))
        way.socket.full = False
        assert await way.arrived(28) == PICTURE * 2
        assert way.socket.runs == [14]


async def test_segmentation_offload_errors_of_packets_are_told_as_ever() -> None:
    async with path() as way:
        # no socket may send there unless it asked to
        way.address = ("255.255.255.255", 9)
        way.send(PICTURE)
        assert [getattr(error, "errno", None) for error in way.protocol.errors] == [
            errno.EACCES
        ] * 14


async def test_segmentation_offload_another_transport_is_looked_at_anew() -> None:
    async with path() as first, path() as second:
        first.socket.refuses = errno.EIO
        first.send(PICTURE)
        second._offload = first._offload
        second.send(PICTURE)
        assert await second.arrived(14) == PICTURE
        assert (first.socket.runs, second.socket.runs) == ([14], [14])


async def test_segmentation_offload_closed_transport_is_no_trouble() -> None:
    async with path() as way:
        way.send(PICTURE)
        way.transport.close()
        way.send(PICTURE)
        assert way.socket.runs == [14]


def test_segmentation_offload_relay_gets_packet_by_packet() -> None:
    class Relay:
        def __init__(self) -> None:
            self.sent: list[tuple[bytes, Any]] = []

        def sendto(self, data: bytes, addr: Any) -> None:
            self.sent.append((data, addr))

    relay = Relay()
    SegmentationOffload().send(relay, PICTURE, ("192.0.2.1", 9))
    assert relay.sent == [(packet, ("192.0.2.1", 9)) for packet in PICTURE]


@given(st.lists(st.integers(1, 4), max_size=60))
def test_segmentation_offload_runs_hold_everything_in_order_and_can_be_cut(
    sizes: list[int],
) -> None:
    made = [bytes(size) for size in sizes]
    found = list(runs(made))
    assert [packet for run in found for packet in run] == made
    for run in found:
        assert 0 < len(run) <= MAX_SEGMENTS
        assert all(len(packet) == len(run[0]) for packet in run[:-1])
        assert len(run[-1]) <= len(run[0])


async def test_segmentation_offload_finds_the_names_of_asyncio() -> None:
    """What asyncio calls the transport of a socket, and the socket."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    assert type(transport) is asyncio.selector_events._SelectorDatagramTransport  # type: ignore[attr-defined]
    assert isinstance(transport._sock, socket.socket)  # type: ignore[attr-defined]
    transport.close()
