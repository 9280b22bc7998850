"""From one thread's loop into another's."""

from __future__ import annotations

import asyncio
import threading

import pytest

from agent.pull.main_loop import MainLoop
from tests.waiting import PATIENCE


async def test_work_is_done_where_it_was_made_and_awaited_elsewhere() -> None:
    main_loop, here = MainLoop(), threading.current_thread()

    async def where() -> threading.Thread:
        return threading.current_thread()

    assert await asyncio.to_thread(lambda: asyncio.run(main_loop.run(where()))) is here


async def test_cancelling_the_wait_cancels_the_work() -> None:
    main_loop, began, ended = MainLoop(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.ensure_future(main_loop.run(work()))
    await began.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(PATIENCE):
        await ended.wait()
