"""A board without a battery boots in the past, and is told the time by the network some time
later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agent import RELEASED
from agent.background import in_background

logger = logging.getLogger(__name__)

# seconds, and only until the clock is set
POLL_INTERVAL = 1.0


def is_set(unix_seconds: float) -> bool:
    """Whether a clock that shows this can be right: it is not earlier than this software."""
    return unix_seconds >= RELEASED


@asynccontextmanager
async def watching_clock(
    wall: Callable[[], float], on_set: Callable[[], None], interval: float = POLL_INTERVAL
) -> AsyncIterator[None]:
    """While this is open: if the clock is not set, wait until it is, and call `on_set`, once."""
    if is_set(wall()):
        yield
        return
    logger.warning("the clock is not set: rules with days or hours let nobody in until it is")
    async with in_background("callbox-clock", _watch(wall, on_set, interval)):
        yield


async def _watch(wall: Callable[[], float], on_set: Callable[[], None], interval: float) -> None:
    while not is_set(wall()):  # noqa: ASYNC110 - nothing tells; a time that is set is no event
        await asyncio.sleep(interval)
    logger.info("the clock is set")
    on_set()
