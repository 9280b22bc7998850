"""Connections that are passed on to somewhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PassOn = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)


async def both_ways(near: Ends, far: Ends, pass_on: PassOn = copied) -> None:
    """Until both have hung up; `far` is closed, whatever happens."""

    async def one_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await pass_on(reader, writer)
        except OSError:
            # the other end is gone
            pass
        finally:
            writer.close()

    try:
        async with asyncio.TaskGroup() as directions:
            directions.create_task(one_way(near[0], far[1]))
            directions.create_task(one_way(far[0], near[1]))
    finally:
        far[1].close()
