"""One task that goes on beside its owner, from the owner's start to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)


class BackgroundTask:
    """Started once, and ended by `stop`. What fails in it is logged under its `name` at once, not
    when somebody asks.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self, work: Coroutine[object, object, None]) -> None:
        self._task = asyncio.create_task(work, name=self._name)
        self._task.add_done_callback(self._done)

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def cancel(self) -> None:
        """Tell it to end; whoever owns it still has to `stop` it."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        """Cancel it, and wait until it is over."""
        self.cancel()
        await self.finish()

    async def finish(self) -> None:
        """Wait until it is over by itself."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("%s failed", self._name, exc_info=error)


@asynccontextmanager
async def in_background(name: str, work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """While this is open, `work` goes on beside it."""
    task = BackgroundTask(name)
    task.start(work)
    try:
        yield
    finally:
        await task.stop()
