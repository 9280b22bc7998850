"""Tasks that belong to somebody: what fails in one is logged, and the owner waits for all before it
goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

logger = logging.getLogger(__name__)


class Tasks:
    """The tasks of one owner, who calls `finish()` at the end of its own life."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Future[None]] = set()

    def spawn(self, work: Awaitable[None]) -> asyncio.Future[None]:
        """Start `work`. One callback's or one transport's failure does not end its owner's other
        work.
        """
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("%s: a task failed", self._owner, exc_info=error)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def finish(self, timeout: float) -> None:
        """Wait for all that is under way, `timeout` seconds at most; then cancel what is left, and
        wait for that.
        """
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=timeout)
        finally:
            self.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
