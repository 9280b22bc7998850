"""What tests of a hub share."""

from __future__ import annotations

import asyncio

from agent.media.base.video_source import VideoOptions
from tests.fakes.video import FakeVideoSource
from tests.waiting import PATIENCE

OPTIONS = VideoOptions(bitrate=2_000_000, min_bitrate=250_000, max_bitrate=4_000_000)


async def turns(count: int = 10) -> None:
    """Let everything run that is ready to."""
    for _ in range(count):
        await asyncio.sleep(0)


async def stopped(source: FakeVideoSource) -> None:
    async with asyncio.timeout(PATIENCE):
        await source.stopped.wait()
    await turns()
