"""What waited in a socket of this machine is told from what waited in the network."""

from __future__ import annotations

import asyncio
import time

from agent.webrtc.sending.socket_delay import socket_queueing_delay
from tests.waiting import PATIENCE


class Reader(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.lateness: list[float] = []
        self.arrived = asyncio.Event()
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.lateness.append(socket_queueing_delay(self.transport))
        self.arrived.set()


async def test_socket_delay_loop_that_was_held_up_knows_how_long() -> None:
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_datagram_endpoint(Reader, local_addr=("127.0.0.1", 0))
    try:
        async with asyncio.timeout(PATIENCE):
            # the kernel takes the times once it was asked
            while not reader.lateness or reader.lateness[-1] < 0.19:
                reader.arrived.clear()
                transport.sendto(b"x", transport.get_extra_info("sockname"))
                time.sleep(0.2)  # noqa: ASYNC251 - that is the point
                await reader.arrived.wait()
    finally:
        transport.close()


def test_socket_delay_transport_without_a_socket_is_never_late() -> None:
    assert socket_queueing_delay(object()) == 0.0


async def test_socket_delay_transport_whose_socket_is_closed_is_never_late() -> None:
    """An error would end the receiving of everything that shares it."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Reader, local_addr=("127.0.0.1", 0))
    transport.abort()
    # now the socket is gone
    await asyncio.sleep(0)
    assert socket_queueing_delay(transport) == 0.0
