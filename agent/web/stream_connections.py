"""The connections that servers of asyncio's streams have accepted, and how each of them ends."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

logger = logging.getLogger(__name__)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]

# seconds for what is still to be written
CLOSE_TIMEOUT = 2.0


class StreamConnections:
    """An async context around the servers: it leaves no connection open. `serve` tells its own
    errors; what it raises is for the event loop to complain of.
    """

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        # whose closing has not begun
        self._unclosed: set[asyncio.StreamWriter] = set()
        self._closed = False

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """For `asyncio.start_server`: serve the connection in a task, and close it afterwards."""
        if self._closed:
            # it came while the server was closed
            writer.transport.abort()
            return
        task = asyncio.create_task(self._run(reader, writer))
        self._open[task] = writer
        self._unclosed.add(writer)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        # a task that was cancelled before it began has closed nothing
        self._open.pop(task).close()

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        finally:
            self._unclosed.discard(writer)
            await _close(writer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        left = dict(self._open)
        for task, writer in left.items():
            # the others have their own deadline for it
            if writer in self._unclosed:
                task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        while self._unclosed:
            await _close(self._unclosed.pop())


async def _close(writer: asyncio.StreamWriter) -> None:
    """Once for each: a wait that was cancelled has cancelled what all others would wait for."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await writer.wait_closed()
    except (TimeoutError, asyncio.CancelledError) as error:
        # what the peer has not taken by now it does not get; one that is lost in this very turn
        # has let go of its loop
        with suppress(AttributeError):
            writer.transport.abort()
        if isinstance(error, asyncio.CancelledError):
            raise
    except (OSError, ssl.SSLError):
        logger.debug("a connection was lost as it was closed")
