"""Listening sockets that are served in a thread with an event loop of its own, so that neither a
TLS handshake nor a flood of requests holds up a call.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from agent.errors import ConfigurationError
from agent.web.listener import ConnectionLimits, listen
from agent.web.loop_thread import LoopThread
from agent.web.web_options import WebOptions

Serve = Callable[
    [Sequence[socket.socket], ssl.SSLContext | None], AbstractAsyncContextManager[None]
]
"""From listening sockets and what TLS they want to the servers on them, open in the thread."""


class LoopServer:
    """An async context. `section` is the one of the settings that it belongs to."""

    def __init__(
        self, section: str, options: WebOptions, limits: ConnectionLimits, serve: Serve
    ) -> None:
        self._section = section
        self._options = options
        self._limits = limits
        self._serve = serve
        self._thread: LoopThread | None = None

    async def __aenter__(self) -> Self:
        """Raises ConfigurationError where the address is taken or a file cannot be used."""
        options = self._options
        try:
            tls = await asyncio.to_thread(options.tls)
            listeners = await asyncio.to_thread(listen, options.host, options.port, self._limits)
        except OSError as error:
            raise ConfigurationError(
                [f"{self._section}: {options.url} cannot be served: {error.strerror or error}"]
            ) from error
        thread = LoopThread(self._serve(listeners, tls), f"callbox-{self._section}")
        await thread.__aenter__()
        self._thread = thread
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            await self._thread.__aexit__(kind, error, trace)
