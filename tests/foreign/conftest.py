"""Somebody who watches everything that is published."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conftest import Mosquitto
from tests.e2e.device import Watcher, end_left_over, watching


@pytest_asyncio.fixture
async def watcher(mosquitto: Mosquitto) -> AsyncIterator[Watcher]:
    async with watching(mosquitto) as watcher:
        yield watcher
        await end_left_over()
