"""A context in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.web.loop_thread import LoopThread


async def test_loop_thread_runs_its_context_elsewhere() -> None:
    threads = []

    @asynccontextmanager
    async def context() -> AsyncIterator[None]:
        threads.append(threading.current_thread())
        yield
        threads.append(threading.current_thread())

    async with LoopThread(context(), "a-thread"):
        assert threads[0] is not threading.current_thread()
    assert threads[0] is threads[1]
    assert not threads[0].is_alive()


async def test_loop_thread_raises_what_its_context_raises() -> None:
    @asynccontextmanager
    async def context() -> AsyncIterator[None]:
        raise OSError("taken")
        yield

    with pytest.raises(OSError, match="taken"):
        async with LoopThread(context(), "a-thread"):
            pass


async def test_loop_thread_cancelled_while_starting_ends_its_thread() -> None:
    entered, threads = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    @asynccontextmanager
    async def context() -> AsyncIterator[None]:
        threads.append(threading.current_thread())
        loop.call_soon_threadsafe(entered.set)
        yield

    thread = LoopThread(context(), "a-thread")
    task = asyncio.create_task(thread.__aenter__())
    await entered.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await thread.__aexit__(None, None, None)
    assert not threads[0].is_alive()
