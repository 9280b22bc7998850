from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from agent.media.video_hub import VideoHub
from tests.fakes.video import FakeVideoSource
from tests.media.hubs import OPTIONS


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every source gives its thread back; the event loop's own helpers may stay."""
    before = set(threading.enumerate())
    yield
    left = [
        each.name
        for each in threading.enumerate()
        if each not in before and not each.name.startswith("asyncio_")
    ]
    assert left == []


@pytest.fixture
def source() -> FakeVideoSource:
    return FakeVideoSource()


@pytest.fixture
async def hub(source: FakeVideoSource) -> AsyncIterator[VideoHub]:
    hub = VideoHub(source, OPTIONS)
    yield hub
    await hub.close()
