"""A task beside its owner: it ends with it, and what fails in it is told."""

from __future__ import annotations

import asyncio
import logging

import pytest

from agent import background
from agent.background import BackgroundTask, in_background


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        ended.append("ended")


async def fails() -> None:
    raise ValueError("a driver's surprise")


async def test_the_end_of_the_owner_is_waited_for() -> None:
    ended: list[str] = []
    async with in_background("callbox-test", forever(ended)):
        await asyncio.sleep(0)
        assert not ended
    assert ended == ["ended"]


async def test_a_failure_is_logged_when_it_happens(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no test may fail in the background otherwise
    monkeypatch.setattr(background, "logger", logging.getLogger("on purpose"))
    task = BackgroundTask("callbox-test")
    task.start(fails())
    await task.finish()
    with caplog.at_level(logging.ERROR):
        await asyncio.sleep(0)
    assert "callbox-test failed" in caplog.text
    assert "a driver's surprise" in caplog.text
    await task.stop()


async def test_a_cancellation_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async with in_background("callbox-test", forever([])):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not caplog.records


async def test_one_that_never_started_can_be_stopped() -> None:
    await BackgroundTask("callbox-test").stop()
