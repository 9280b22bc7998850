"""What ends at a time of day: in time, at once where it is over, and after a clock was set."""

from __future__ import annotations

import asyncio

from agent.device.time_limit import TimeLimit
from tests.waiting import PATIENCE

NOW = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


async def test_what_is_over_ends_once() -> None:
    ended = asyncio.Event()
    times = 0

    async def end() -> None:
        nonlocal times
        times += 1
        ended.set()

    async with TimeLimit("callbox-test", end, Clock()) as limit:
        limit.set(NOW)
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
    assert times == 1


async def test_a_clock_that_is_set_ends_it() -> None:
    ended = asyncio.Event()
    clock = Clock()
    looks = asyncio.Queue[None]()

    async def end() -> None:
        ended.set()

    def now() -> float:
        looks.put_nowait(None)
        return clock()

    async with TimeLimit("callbox-test", end, now, look=0.001) as limit:
        limit.set(NOW + 3600)
        async with asyncio.timeout(PATIENCE):
            # it has looked, and looks again although nothing has changed
            for _ in range(3):
                await looks.get()
            assert not ended.is_set()
            clock.now = NOW + 7200
            await ended.wait()


async def test_without_an_end_it_goes_on() -> None:
    looks = asyncio.Queue[None]()

    async def end() -> None:
        raise AssertionError("nothing has an end")

    def now() -> float:
        looks.put_nowait(None)
        return NOW

    async with TimeLimit("callbox-test", end, now, look=0.001) as limit:
        limit.set(NOW - 1)
        limit.set(None)
        async with asyncio.timeout(PATIENCE):
            await looks.get()
