"""Once a minute: what was refused, by kind, in one line of the log; nothing where nothing was."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from agent.background import in_background
from agent.counts import RefusalCounts, growth, in_words, refusals

logger = logging.getLogger(__name__)

INTERVAL = 60.0  # seconds

Sleep = Callable[[float], Awaitable[None]]


@asynccontextmanager
async def logging_refusals(
    counts: RefusalCounts = refusals, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[None]:
    """While this is open; what came since the last line is told on leaving, too."""
    log = _RefusalLog(counts)
    try:
        async with in_background("callbox-refusals", log.run(sleep)):
            yield
    finally:
        log.tell()


class _RefusalLog:
    def __init__(self, counts: RefusalCounts) -> None:
        self._counts = counts
        self._told = counts.totals()

    async def run(self, sleep: Sleep) -> None:
        while True:
            await sleep(INTERVAL)
            self.tell()

    def tell(self) -> None:
        now = self._counts.totals()
        if grown := growth(self._told, now):
            logger.warning("refused since the last such line: %s", in_words(grown))
        self._told = now
