"""The HTTP server of those who pull, in a thread with an event loop of its own, as the page's is:
neither a TLS handshake nor a flood of requests holds up a call.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from agent.pull.go2rtc_socket import Go2rtcSocket
from agent.pull.http_connection import HttpConnection
from agent.pull.http_messages import HttpAnswer, HttpRequest
from agent.pull.main_loop import MainLoop
from agent.pull.pull_channel import PullChannel
from agent.pull.pull_desk import PullDesk
from agent.pull.websocket_link import WebSocketLink
from agent.web.listener import ConnectionLimits
from agent.web.loop_server import LoopServer
from agent.web.stream_connections import CLOSE_TIMEOUT, StreamConnections
from agent.web.tls_buffers import bound_buffers
from agent.web.web_options import WebOptions

logger = logging.getLogger(__name__)

# connections in all, and of one source
MAX_CONNECTIONS = 48
MAX_FROM_SOURCE = 24
# bytes that one connection's reader holds
READ_LIMIT = 64 * 1024
TLS_TIMEOUT = 10.0


class PullServer:
    """An async context on the loop of the calls. `options` say where; who may, `desk` says."""

    def __init__(
        self,
        options: WebOptions,
        desk: PullDesk,
        channel: PullChannel,
        main_loop: MainLoop,
        *,
        limits: ConnectionLimits | None = None,
    ) -> None:
        limits = limits or ConnectionLimits(in_all=MAX_CONNECTIONS, from_source=MAX_FROM_SOURCE)
        serve = partial(_Serving, _Host(desk, channel, main_loop))
        self._server = LoopServer("pull", options, limits, serve)

    async def __aenter__(self) -> Self:
        """Raises ConfigurationError where the address is taken or a file cannot be used."""
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.__aexit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class _Host:
    """Serves one connection after it was accepted."""

    desk: PullDesk
    channel: PullChannel
    main_loop: MainLoop

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = str((writer.get_extra_info("peername") or ("",))[0])
        connection = HttpConnection(reader, writer, source, self.desk.answer, self._upgrade)
        try:
            await connection.run()
        except Exception:
            # the edge of one connection's task: the others go on
            logger.exception("a connection of [pull] failed")

    async def _upgrade(
        self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> HttpAnswer | None:
        """None once it was a WebSocket, which is over."""
        consumer = await self.desk.admit_socket(request)
        if isinstance(consumer, HttpAnswer):
            return consumer
        link = WebSocketLink(reader, writer)
        if await link.accept(request):
            await Go2rtcSocket(self.channel, self.main_loop, link, consumer).run()
        return None


class _Serving:
    """The listening sockets and every connection, in their thread."""

    def __init__(
        self, host: _Host, listeners: Sequence[socket.socket], tls: ssl.SSLContext | None
    ) -> None:
        self._connections = StreamConnections(host.serve)
        self._listeners = listeners
        self._tls = tls
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> None:
        bound_buffers()
        for listener in self._listeners:
            server = await asyncio.start_server(
                self._connections.accept,
                sock=listener,
                limit=READ_LIMIT,
                ssl=self._tls,
                ssl_handshake_timeout=TLS_TIMEOUT if self._tls else None,
            )
            self._servers.append(server)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.close()
        await self._connections.__aexit__(kind, error, trace)
        for server in self._servers:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await server.wait_closed()
