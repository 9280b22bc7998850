"""A WebSocket on a connection whose request was read before, with a real client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agent.pull.http_connection import HttpConnection
from agent.pull.http_messages import HttpAnswer, HttpRequest
from agent.pull.websocket_link import MAX_MESSAGE, WebSocketLink
from tests.pull.http_client import HOST, ask, listening
from tests.waiting import PATIENCE


async def echo(link: WebSocketLink) -> None:
    while (text := await link.receive()) is not None:
        await link.send(text)


@asynccontextmanager
async def serving(
    serve: Callable[[WebSocketLink], Awaitable[None]] = echo,
) -> AsyncIterator[str]:
    accepted: list[bool] = []

    async def nothing(request: HttpRequest) -> HttpAnswer:
        raise AssertionError

    async def upgrade(
        request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        link = WebSocketLink(reader, writer)
        accepted.append(await link.accept(request))
        if accepted[-1]:
            await serve(link)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await HttpConnection(reader, writer, HOST, nothing, upgrade).run()

    async with listening(connection) as port:
        yield f"ws://{HOST}:{port}/api/ws?token=secret"


async def test_texts_go_both_ways_whole_or_in_parts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with serving() as url, connect(url) as client:
        for message in ("one", ["in ", "three ", "parts"], "x" * MAX_MESSAGE):
            await client.send(message)
            assert await client.recv() == (
                message if isinstance(message, str) else "".join(message)
            )
        # answered by the protocol itself
        await (await client.ping())
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("agent.")]
    assert not any("secret" in line for line in ours)


@pytest.mark.parametrize(("message", "code"), [(b"bytes", 1003), ("x" * (MAX_MESSAGE + 1), 1009)])
async def test_what_is_no_text_of_a_size_ends_it(message: str | bytes, code: int) -> None:
    async with serving() as url, connect(url) as client:
        await client.send(message)
        with pytest.raises(ConnectionClosed) as caught:
            await client.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == code


async def test_close_is_said_and_answered() -> None:
    async def leave(link: WebSocketLink) -> None:
        await link.close(1008, "no offer came")
        await link.send("nothing any more")
        await link.close()

    async with serving(leave) as url, connect(url) as client:
        with pytest.raises(ConnectionClosed) as caught:
            await client.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "no offer came")


async def test_client_that_vanishes_ends_it() -> None:
    ended = asyncio.Event()

    async def watch(link: WebSocketLink) -> None:
        assert await link.receive() is None
        ended.set()

    async with serving(watch) as url:
        client = await connect(url)
        client.transport.abort()
        async with asyncio.timeout(PATIENCE):
            await ended.wait()


async def test_handshake_that_is_none_is_refused() -> None:
    async with serving() as url:
        port = int(url.split(":")[2].split("/")[0])
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 8")
        assert (await ask(port, "GET", "/api/ws", b"", *upgrade)).status == 400
        with pytest.raises(InvalidStatus):
            await connect(url, additional_headers={"Sec-WebSocket-Version": "8"})
