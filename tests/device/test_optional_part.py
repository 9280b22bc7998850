"""A part that the device can do without."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.device.device_state import DeviceState
from agent.device.optional_part import OptionalPart
from agent.errors import ConfigurationError
from tests.waiting import until


class Page:
    """Fails for each of `failures` in turn, then runs."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.attempts = 0
        self.open = False
        self.hangs = False

    @asynccontextmanager
    async def start(self) -> AsyncIterator[None]:
        self.attempts += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failures:
            raise self.failures.pop(0)
        self.open = True
        try:
            yield
        finally:
            self.open = False


@pytest.fixture
def state() -> DeviceState:
    return DeviceState("none")


async def test_optional_part_that_starts_is_open_until_it_is_left(state: DeviceState) -> None:
    page = Page()
    async with OptionalPart("page", page.start, state):
        assert page.open
        assert state.faults == {}
    assert not page.open
    assert page.attempts == 1


@pytest.mark.parametrize(
    "failure",
    [ConfigurationError(["port taken"]), OSError("port taken"), ValueError("port taken")],
)
async def test_optional_part_that_fails_is_reported_and_tried_again(
    state: DeviceState, failure: Exception
) -> None:
    page = Page(failure, failure)
    async with OptionalPart("page", page.start, state, retry_first=0.001):
        assert "port taken" in state.faults["page"]
        await until(lambda: page.open)
        assert state.faults == {}
        assert page.attempts == 3


async def test_optional_part_says_the_same_reason_once(
    state: DeviceState, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "agent.device.optional_part")
    failure = OSError("port taken")
    page = Page(failure, failure, OSError("no certificate"))
    async with OptionalPart("page", page.start, state, retry_first=0.001):
        await until(lambda: page.open)
    assert caplog.messages == [
        "without the page, trying again: port taken",
        "without the page, trying again: no certificate",
        "the page works now",
    ]


async def test_optional_part_that_hangs_does_not_keep_the_device(state: DeviceState) -> None:
    page = Page()
    page.hangs = True
    async with OptionalPart("page", page.start, state, start_timeout=0.001):
        assert page.attempts == 1
    assert not page.open


async def test_optional_part_that_waits_to_try_again_is_left_at_once(state: DeviceState) -> None:
    page = Page(OSError("port taken"))
    async with OptionalPart("page", page.start, state, retry_first=3600):
        pass
    assert page.attempts == 1
