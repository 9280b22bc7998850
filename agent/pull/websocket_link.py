"""One WebSocket on a connection whose request was read already: texts in, texts out.

The protocol is that of `websockets`, without its I/O.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from websockets.exceptions import ConnectionClosed, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from agent.pull.http_messages import HttpRequest
from agent.web.log_budget import BudgetedLog

# bytes of one message: an offer in JSON
MAX_MESSAGE = 80 * 1024
SEND_TIMEOUT = 10.0
CLOSE_TIMEOUT = 2.0
_READ = 16 * 1024

_websocket_logger = logging.getLogger(__name__).getChild("websocket")
_websocket_logger.addFilter(BudgetedLog())


class WebSocketLink:
    """Open from `accept()` until `receive()` returns None."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = ServerProtocol(max_size=MAX_MESSAGE, logger=_websocket_logger)
        self._parts: list[bytes] = []
        self._texts: list[str] = []

    async def accept(self, request: HttpRequest) -> bool:
        """Answer the handshake; False where it was none, which is told."""
        from websockets.datastructures import Headers

        headers = Headers()
        for name, value in request.headers.items():
            headers[name] = value
        # the path is nothing to the protocol, and would be logged
        self._protocol.receive_data(Request("/", headers).serialize())
        events = self._protocol.events_received()
        if not events or not isinstance(events[0], Request):
            return False
        self._protocol.send_response(self._protocol.accept(events[0]))
        await self._flush()
        return self._protocol.state is State.OPEN

    async def receive(self) -> str | None:
        """The next text; None once it is closed. What is no text ends it."""
        while not self._texts:
            data = b""
            with suppress(OSError):
                data = await self._reader.read(_READ)
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            for event in self._protocol.events_received():
                self._take(event)
            await self._flush()
            if not self._texts and (not data or self._protocol.state is not State.OPEN):
                return None
        return self._texts.pop(0)

    async def send(self, text: str) -> None:
        """Once it is closed this does nothing."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text.encode())
            await self._flush()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, and wait a moment for the other side's."""
        if self._protocol.state is not State.OPEN:
            return
        self._protocol.send_close(code, reason)
        await self._flush()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while await self.receive() is not None:
                    pass

    def _take(self, event: object) -> None:
        if not isinstance(event, Frame) or event.opcode not in (Opcode.TEXT, Opcode.CONT):
            if isinstance(event, Frame) and event.opcode is Opcode.BINARY:
                self._protocol.fail(1003, "only text is understood")
            return
        self._parts.append(bytes(event.data))
        if event.fin:
            text, self._parts = b"".join(self._parts), []
            try:
                self._texts.append(text.decode())
            except UnicodeDecodeError:
                self._protocol.fail(1007, "no UTF-8")

    async def _flush(self) -> None:
        with suppress(OSError, TimeoutError, ConnectionClosed, ProtocolError):
            for data in self._protocol.data_to_send():
                if data:
                    self._writer.write(data)
            async with asyncio.timeout(SEND_TIMEOUT):
                await self._writer.drain()
