"""Tasks that belong to somebody."""

from __future__ import annotations

import asyncio

import pytest

from agent.client.tasks import Tasks


async def test_tasks_failure_is_logged_and_the_rest_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks = Tasks("the owner")
    done: list[str] = []

    async def fails() -> None:
        raise RuntimeError("a bug")

    async def works() -> None:
        await asyncio.sleep(0)
        done.append("work")

    tasks.spawn(fails())
    tasks.spawn(works())
    await tasks.finish(5)
    assert done == ["work"]
    assert "the owner: a task failed" in caplog.text
    assert "a bug" in caplog.text


async def test_tasks_that_do_not_end_in_time_are_cancelled_and_awaited() -> None:
    tasks = Tasks("the owner")
    ends: list[str] = []

    async def stays() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    task = tasks.spawn(stays())
    await tasks.finish(0)
    assert task.cancelled()
    assert ends == ["cancelled"]


async def test_tasks_cancelled_before_they_began_leave_no_warning() -> None:
    tasks = Tasks("the owner")

    async def never() -> None:
        raise AssertionError("it was cancelled")

    tasks.spawn(never())
    tasks.cancel()
    await tasks.finish(5)
