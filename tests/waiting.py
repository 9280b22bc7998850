"""Waiting for what is certain to come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 30.0  # seconds


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition` holds. For what gives no event of its own; fails after
    PATIENCE.
    """
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nothing to wait on
            await asyncio.sleep(0)
