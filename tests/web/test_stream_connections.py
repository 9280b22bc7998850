"""Connections of a server of asyncio's streams: none is left open."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from agent.web import stream_connections
from agent.web.stream_connections import StreamConnections
from tests.waiting import PATIENCE

HOST = "127.0.0.1"
# bytes: more than the system keeps for a peer that takes nothing
MUCH = 32 * 1024 * 1024


async def listening(connections: StreamConnections) -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(connections.accept, HOST, 0)
    return server, server.sockets[0].getsockname()[1]


async def test_connections_are_closed_when_they_have_been_served() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())

    async with StreamConnections(serve) as connections:
        server, port = await listening(connections)
        async with server, asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"hello\n")
            assert await reader.read() == b"hello\n"
            writer.close()


async def test_connections_that_are_being_served_end_with_the_context() -> None:
    ended: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"!")
            await reader.read()
        except asyncio.CancelledError as cancelled:
            ended.append(cancelled)
            raise

    async with asyncio.timeout(PATIENCE):
        async with StreamConnections(serve) as connections:
            server, port = await listening(connections)
            reader, writer = await asyncio.open_connection(HOST, port)
            assert await reader.readexactly(1) == b"!"
            server.close()
        assert len(ended) == 1
        assert await reader.read() == b""
    writer.close()


def taken_from(peer: socket.socket) -> int:
    """Bytes until the connection ends."""
    taken = 0
    with contextlib.suppress(ConnectionResetError):
        while data := peer.recv(1 << 20):
            taken += len(data)
    return taken


async def test_connections_that_are_being_closed_end_with_the_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a peer that takes nothing, so that there is something left to write."""
    monkeypatch.setattr(stream_connections, "CLOSE_TIMEOUT", 0.1)
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(MUCH))
        served.set()

    with socket.socket() as peer:
        async with asyncio.timeout(PATIENCE):
            async with StreamConnections(serve) as connections:
                server, port = await listening(connections)
                peer.connect((HOST, port))
                await served.wait()
                server.close()
            await server.wait_closed()
        peer.settimeout(PATIENCE)
        assert await asyncio.to_thread(taken_from, peer) < MUCH


@pytest.mark.parametrize("late", [False, True], ids=["cancelled at once", "after the end"])
async def test_connections_that_nobody_has_begun_to_serve_are_closed(late: bool) -> None:
    served: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(writer)

    connections = StreamConnections(serve)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        before = asyncio.all_tasks()
        connections.accept(reader, writer)
        for task in asyncio.all_tasks() - before:
            task.cancel()

    if late:
        async with connections:
            pass
    server = await asyncio.start_server(accept, HOST, 0)
    async with server, connections, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(HOST, server.sockets[0].getsockname()[1])
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
    assert served == []


async def test_connections_that_still_have_something_to_write_are_closed_when_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More than the sockets hold; nothing is complained of, as `nothing_swallowed` sees to."""
    monkeypatch.setattr("agent.web.stream_connections.CLOSE_TIMEOUT", PATIENCE)
    size = 16 * 2**20

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(size))

    async with StreamConnections(serve) as connections:
        server, port = await listening(connections)
        async with server, asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HOST, port)
            received = 0
            while data := await reader.read(2**20):
                received += len(data)
            writer.close()
    assert received == size
