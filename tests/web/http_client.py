"""A client of the page's server that tidies nothing up."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import connect

from agent.counts import RefusalCounts
from agent.web.bridge import BrokerAddress
from agent.web.listener import ConnectionLimits
from agent.web.server import PageServer
from agent.web.web_options import WebOptions
from tests.free_ports import free_port
from tests.waiting import PATIENCE

HOST = "127.0.0.1"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def get(
    port: int,
    path: str = "/",
    *headers: str | bytes,
    host: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One plain HTTP request; a header may be bytes."""
    reader, writer = await asyncio.open_connection(HOST, port, ssl=tls)
    lines = [f"GET {path} HTTP/1.1", f"Host: {host or f'{HOST}:{port}'}", *headers, "", ""]
    writer.write(b"\r\n".join(each if isinstance(each, bytes) else each.encode() for each in lines))
    async with asyncio.timeout(PATIENCE):
        data = await reader.read()
    writer.close()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in rest)
    return Answer(int(first.split()[1]), fields, body)


def open_websocket(port: int, **options: Any) -> connect:
    return connect(f"ws://{HOST}:{port}/mqtt", subprotocols=["mqtt"], **options)  # type: ignore[list-item]


def basic(name: str, password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


@asynccontextmanager
async def serving(
    broker_port: int = 1,
    *,
    needs_login: bool = False,
    limits: ConnectionLimits | None = None,
    counts: RefusalCounts | None = None,
    **options: Any,
) -> AsyncIterator[int]:
    """A page's server; yields its port."""
    port = free_port()
    server = PageServer(
        WebOptions(port=port, **options),
        BrokerAddress(HOST, broker_port, needs_login=needs_login),
        lambda: {"prefix": "callbox/v1", "iceServers": []},
        documents={"visits/1.jpg": (b"picture", "image/jpeg")}.get,
        limits=limits,
        counts=counts or RefusalCounts(),
    )
    async with server:
        yield port
