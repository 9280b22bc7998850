from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.conftest import Mosquitto
from tests.e2e.browser import chromium
from tests.e2e.device import Watcher, end_left_over, watching
from tests.web.page_harness import serving


@pytest_asyncio.fixture
async def watcher(mosquitto: Mosquitto) -> AsyncIterator[Watcher]:
    async with watching(mosquitto) as watcher:
        yield watcher
        await end_left_over()


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture
async def url(mosquitto: Mosquitto) -> AsyncIterator[str]:
    """Where the page is served."""
    async with serving(mosquitto) as url:
        yield url
