"""MQTT of the page: a WebSocket, byte for byte, to the broker's TCP port.

The broker itself decides who may do what: what the page sends as user name and password reaches it
untouched. Where the device itself has to log in, a page that gives no name is refused here.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from agent.counts import RefusalCounts, RefusalKind, refusals
from agent.web.mqtt_login import NotConnect, read_login

logger = logging.getLogger(__name__)

# bytes in one WebSocket message; the protocol's own limit is 64 KiB
MAX_MESSAGE = 256 * 1024
# seconds for the broker to take a connection, and for the page to say who it is
CONNECT_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is. `needs_login`: nobody gets there without a user name."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    needs_login: bool = False


class MqttBridge:
    """Carries one WebSocket at a time; `open` counts them."""

    def __init__(self, broker: BrokerAddress, counts: RefusalCounts = refusals) -> None:
        self._broker = broker
        self._counts = counts
        self.open = 0

    async def carry(self, websocket: ServerConnection) -> None:
        """Until either side ends."""
        self.open += 1
        try:
            first = await self._login(websocket) if self._broker.needs_login else b""
            if first is not None:
                await self._carry(websocket, first)
        finally:
            self.open -= 1

    async def _login(self, websocket: ServerConnection) -> bytes | None:
        """What has come up to the CONNECT packet's end; None where it was refused."""
        data = b""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                while (login := read_login(data)) is None:
                    message = await websocket.recv()
                    data += message if isinstance(message, bytes) else message.encode()
        except ConnectionClosed:
            return None
        except (TimeoutError, NotConnect):
            self._counts.count(RefusalKind.LOGIN)
            await websocket.close(1002, "MQTT begins with CONNECT")
            return None
        if login.username:
            return data
        self._counts.count(RefusalKind.LOGIN)
        logger.warning("refused: the page gives the broker no user name; web.uid would be one")
        with suppress(ConnectionClosed):
            await websocket.send(login.refusal())
        await websocket.close(1008, "the broker wants a user name")
        return None

    async def _carry(self, websocket: ServerConnection, first: bytes) -> None:
        broker = self._broker
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                reader, writer = await asyncio.open_connection(
                    broker.host, broker.port, ssl=broker.tls
                )
        except (OSError, TimeoutError) as error:
            logger.warning(
                "the broker %s:%d does not take the page's connection: %s",
                broker.host,
                broker.port,
                error,
            )
            await websocket.close(1013, "the broker cannot be reached")
            return
        writer.write(first)
        directions = {
            asyncio.create_task(_to_broker(websocket, writer)),
            asyncio.create_task(_to_page(reader, websocket)),
        }
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in directions:
                task.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _to_broker(websocket: ServerConnection, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionClosed, OSError):
        async for message in websocket:
            writer.write(message if isinstance(message, bytes) else message.encode())
            await writer.drain()


async def _to_page(reader: asyncio.StreamReader, websocket: ServerConnection) -> None:
    with suppress(ConnectionClosed, OSError):
        while data := await reader.read(MAX_MESSAGE):
            await websocket.send(data)
