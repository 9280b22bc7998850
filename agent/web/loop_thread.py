"""A thread with an event loop of its own: what it does never holds up the loop of the calls.

A TLS handshake takes milliseconds of a small board's processor; OpenSSL gives the interpreter free
meanwhile, but not the loop it is called from.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

logger = logging.getLogger(__name__)

# seconds for what runs in the thread to end
CLOSE_TIMEOUT = 5.0


class LoopThread:
    """Keeps `context` open in a thread while this is open. An async context.

    Entering raises what entering `context` raises.
    """

    def __init__(self, context: AbstractAsyncContextManager[Any], name: str) -> None:
        self._context = context
        self._started: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name[:15], daemon=True)

    async def __aenter__(self) -> Self:
        self._thread.start()
        try:
            await asyncio.shield(asyncio.wrap_future(self._started))
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        self._stopping = True
        if self._loop is not None and self._stop is not None:
            try:
                self._loop.call_soon_threadsafe(self._stop.set)
            except RuntimeError:
                # it has ended already
                logger.debug("%s had ended", self._thread.name)
        done, _ = await asyncio.wait([asyncio.wrap_future(self._ended)], timeout=CLOSE_TIMEOUT)
        if not done:
            logger.warning("%s does not end; it ends with the process", self._thread.name)
            return
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                logger.exception("%s has ended", self._thread.name)
            else:
                self._started.set_exception(error)
        finally:
            self._ended.set_result(None)

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        async with self._context:
            self._started.set_result(None)
            if not self._stopping:
                await self._stop.wait()
