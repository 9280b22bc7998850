"""MQTT passes through untouched, yet not for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.exceptions import ConnectionClosed

from agent.counts import RefusalCounts, RefusalKind
from tests.web.http_client import HOST, open_websocket, serving
from tests.web.test_mqtt_login import connect


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    """A broker that sends back what it gets; yields its port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_bridge_carries_bytes_both_ways() -> None:
    async with echoing() as broker, serving(broker) as port, open_websocket(port) as page:
        await page.send(bytes(range(256)))
        assert await page.recv() == bytes(range(256))


async def test_bridge_where_a_login_is_needed_passes_it_on_whole() -> None:
    packet = connect(b"front-desk") + b"\xc0\x00"
    async with (
        echoing() as broker,
        serving(broker, needs_login=True) as port,
        open_websocket(port) as page,
    ):
        # in pieces, as a WebSocket may cut it
        await page.send(packet[:3])
        await page.send(packet[3:])
        assert await page.recv() == packet


@pytest.mark.parametrize(
    ("level", "username", "answer"),
    [
        (5, None, b"\x20\x03\x00\x87\x00"),
        (5, b"", b"\x20\x03\x00\x87\x00"),
        (4, None, b"\x20\x02\x00\x05"),
    ],
)
async def test_bridge_where_a_login_is_needed_refuses_nobody(
    level: int, username: bytes | None, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    counts = RefusalCounts()
    async with serving(needs_login=True, counts=counts) as port, open_websocket(port) as page:
        await page.send(connect(username, level=level))
        assert await page.recv() == answer
        await page.wait_closed()
        assert page.close_code == 1008
    assert counts.totals()[RefusalKind.LOGIN] == 1
    assert "web.uid" in caplog.text


async def test_bridge_where_a_login_is_needed_refuses_what_is_not_mqtt() -> None:
    async with serving(needs_login=True) as port, open_websocket(port) as page:
        await page.send("GET / HTTP/1.1")
        with pytest.raises(ConnectionClosed):
            await page.recv()
        assert page.close_code == 1002
