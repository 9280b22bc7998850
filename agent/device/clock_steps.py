"""Notices that the time of day was set, at any time, by a network or a person."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agent.background import in_background

INTERVAL = 1.0  # seconds
# seconds between two looks by which the clocks may come apart: a clock that is slewed moves slower
STEP = 2.0


@asynccontextmanager
async def watching_clock_steps(
    on_step: Callable[[], None],
    wall: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    interval: float = INTERVAL,
) -> AsyncIterator[None]:
    """While this is open, call `on_step` each time that the time of day has jumped. `wall` and
    `monotonic` in seconds.
    """
    async with in_background("callbox-steps", _watch(on_step, wall, monotonic, interval)):
        yield


async def _watch(
    on_step: Callable[[], None],
    wall: Callable[[], float],
    monotonic: Callable[[], float],
    interval: float,
) -> None:
    apart = wall() - monotonic()
    while True:
        await asyncio.sleep(interval)
        before, apart = apart, wall() - monotonic()
        if abs(apart - before) > STEP:
            on_step()
