"""Brokers for the tests of the MQTT adapter: a mosquitto of its own, or one that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.web.stream_connections import StreamConnections
from tests.conftest import Mosquitto
from tests.waiting import PATIENCE

CONNACK = bytes([0x20, 3, 0, 0, 0])
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def options(port: int, client_id: str = "a", **changes: object) -> MqttOptions:
    quick = MqttOptions(
        port=port,
        client_id=client_id,
        retry_first=0.02,
        retry_longest=0.1,
        retry_refused=0.02,
        retry_refused_longest=0.1,
    )
    return quick.model_copy(update=changes)


@contextmanager
def running(folder: Path, *lines: str, allow_anonymous: bool = True) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(folder, lines=lines, allow_anonymous=allow_anonymous)
    mosquitto.start()
    try:
        yield mosquitto
    finally:
        mosquitto.stop()


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """A TCP server that plays a broker, as badly as the test needs it; its port."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    connections = StreamConnections(guarded)
    server = await asyncio.start_server(connections.accept, "127.0.0.1", 0)
    async with server, connections:
        yield server.sockets[0].getsockname()[1]
        server.close()


async def packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Type and rest of one MQTT packet under 128 bytes, or 16 kB."""
    kind, length = await reader.readexactly(2)
    if length & 0x80:
        length = (length & 0x7F) + 128 * (await reader.readexactly(1))[0]
    return kind, await reader.readexactly(length)


async def logged(caplog: pytest.LogCaptureFixture, words: str) -> str:
    """The first line of the log with `words` in it, once it has been written."""
    await true_of(lambda: words in caplog.text)
    return next(line for line in caplog.messages if words in line)


async def true_of(condition: Callable[[], bool]) -> None:
    """Return once `condition` holds, for what has no event to wait for: a log, a thread's end."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def refusing(*reasons: int) -> Serve:
    """Consents to a connection, and answers its subscriptions with these reason codes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        _, subscribe = await packet(reader)
        writer.write(bytes([0x90, 3 + len(reasons)]) + subscribe[:2] + bytes([0, *reasons]))
        await reader.read(-1)

    return serve
