"""What ends at a time of day, on a machine whose clock may be set at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from agent.background import BackgroundTask

# seconds between two looks at the clock
LOOK = 30.0


class TimeLimit:
    """An async context: calls `end` once `now`, the time of day in Unix seconds, has reached what
    was set last.
    """

    def __init__(
        self,
        name: str,
        end: Callable[[], Awaitable[None]],
        now: Callable[[], float],
        look: float = LOOK,
    ) -> None:
        self._end = end
        self._now = now
        self._look = look
        self._until: float | None = None
        self._changed = asyncio.Event()
        self._task = BackgroundTask(name)

    async def __aenter__(self) -> Self:
        self._task.start(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._task.stop()

    def set(self, until: float | None) -> None:
        """In Unix seconds; None: it has no end."""
        self._until = until
        self._changed.set()

    async def _watch(self) -> None:
        while True:
            self._changed.clear()
            until, now = self._until, self._now()
            if until is not None and now >= until:
                self._until = None
                await self._end()
                continue
            try:
                async with asyncio.timeout(None if until is None else min(self._look, until - now)):
                    await self._changed.wait()
            except TimeoutError:
                continue
