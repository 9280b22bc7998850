"""One line a minute."""

from __future__ import annotations

import asyncio

import pytest

from agent.counts import RefusalCounts, RefusalKind
from agent.device.refusal_log import logging_refusals


class Minutes:
    """A sleep that ends when it is told to."""

    def __init__(self) -> None:
        self._asleep = asyncio.Event()
        self._over = asyncio.Event()

    async def __call__(self, _seconds: float) -> None:
        self._asleep.set()
        await self._over.wait()
        self._over.clear()

    async def passes(self) -> None:
        await self._asleep.wait()
        self._asleep.clear()
        self._over.set()
        await self._asleep.wait()


async def test_refusal_log_once_a_minute_says_what_came_since(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts, minutes = RefusalCounts(), Minutes()
    counts.count(RefusalKind.LOGIN, 9)
    async with logging_refusals(counts, minutes):
        counts.count(RefusalKind.DATAGRAM, 3)
        counts.count(RefusalKind.LOGIN)
        await minutes.passes()
        await minutes.passes()
        counts.count(RefusalKind.COMMAND, 2)
    assert [record.getMessage() for record in caplog.records] == [
        "refused since the last such line: 3 datagrams, 1 logins",
        "refused since the last such line: 2 commands",
    ]
