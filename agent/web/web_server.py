"""A small HTTP server in a thread with an event loop of its own, so that neither a TLS handshake
nor a flood of requests holds up a call.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from agent.web.bridge import CONNECT_TIMEOUT, MAX_MESSAGE
from agent.web.listener import ConnectionLimits
from agent.web.log_budget import BudgetedLog
from agent.web.loop_server import LoopServer
from agent.web.tls_buffers import bound_buffers
from agent.web.web_options import WebOptions

# a line for every request and connection otherwise
_websocket_logger = logging.getLogger(__name__).getChild("websocket")
_websocket_logger.addFilter(BudgetedLog())

Respond = Callable[[str, Request], Awaitable[Response | None] | Response | None]
"""From a remote address and its request to an answer; None: the WebSocket handshake goes on."""
Carry = Callable[[ServerConnection], Awaitable[None]]


class WebServer:
    """An async context. `respond` and `carry`, which has each WebSocket, run in the server's own
    thread.
    """

    def __init__(
        self,
        options: WebOptions,
        respond: Respond,
        carry: Carry,
        *,
        limits: ConnectionLimits | None = None,
    ) -> None:
        """Raises ConfigurationError for an address that must not be served."""
        options.check()
        serve = partial(_Serving, respond, carry)
        self._server = LoopServer("web", options, limits or ConnectionLimits(), serve)

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


class _Serving:
    """The servers of all listening sockets, in their thread."""

    def __init__(
        self,
        respond: Respond,
        carry: Carry,
        listeners: Sequence[socket.socket],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._respond = respond
        self._carry = carry
        self._listeners = listeners
        self._tls = tls
        self._servers: list[Server] = []

    async def __aenter__(self) -> None:
        bound_buffers()
        for listener in self._listeners:
            server = await serve(
                self._carry,
                sock=listener,
                process_request=self._process,
                subprotocols=["mqtt", "callbox-press"],  # type: ignore[list-item]
                max_size=MAX_MESSAGE,
                compression=None,
                ssl=self._tls,
                server_header=None,
                open_timeout=CONNECT_TIMEOUT,
                logger=_websocket_logger,
            )
            self._servers.append(server)

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        for server in self._servers:
            await server.wait_closed()

    def _process(
        self, connection: ServerConnection, request: Request
    ) -> Awaitable[Response | None] | Response | None:
        return self._respond(str((connection.remote_address or ("",))[0]), request)
