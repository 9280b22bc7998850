"""A client of HTTP that tidies nothing up."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.waiting import PATIENCE

HOST = "127.0.0.1"


@dataclass
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return dict(self.headers)[name]


async def read_reply(reader: asyncio.StreamReader) -> Reply:
    """One answer with a length."""
    async with asyncio.timeout(PATIENCE):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *rest = head.strip().split("\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in rest)]
        length = next((value for name, value in headers if name == "Content-Length"), "0")
        body = await reader.readexactly(int(length))
    return Reply(int(first.split()[1]), headers, body)


async def ask(
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    *headers: str,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection(HOST, port, ssl=tls)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}:{port}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    try:
        return await read_reply(reader)
    finally:
        writer.close()


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A port whose connections `serve` has; each is closed, and awaited."""
    running: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connection, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*running)
    await asyncio.sleep(0)
