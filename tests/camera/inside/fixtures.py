from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from agent.media.base.video_source import VideoOptions
from agent.media.source_choice import open_video_source
from agent.media.video_hub import VideoHub
from agent.ports import AccessUnit, VideoSubscription
from tests.camera.inside import virtual_camera

# seconds for a picture that is certain to come
PATIENCE = 60.0

virtual_camera.install()

Open = Callable[..., Awaitable[VideoHub]]


@pytest.fixture
async def open_hub() -> AsyncIterator[Callable[..., VideoHub]]:
    """Makes hubs on the virtual camera, with `VideoHub`'s own arguments; closes them all.

    Their queues are long: a machine that is busy elsewhere loses no picture here.
    """
    hubs: list[VideoHub] = []

    def make(options: VideoOptions, **arguments: object) -> VideoHub:
        arguments.setdefault("queue_length", 300)
        hubs.append(VideoHub(open_video_source("picamera2", options), options, **arguments))  # type: ignore[arg-type]
        return hubs[-1]

    yield make
    for each in hubs:
        await each.close()
    virtual_camera.Stage.mishap = None
    gc.collect()


async def take(subscription: VideoSubscription, count: int) -> list[AccessUnit]:
    async with asyncio.timeout(PATIENCE + count / virtual_camera.FRAMERATE):
        return [await subscription.next() for _ in range(count)]


@asynccontextmanager
async def subscribed(hub: VideoHub) -> AsyncIterator[VideoSubscription]:
    subscription = await hub.subscribe()
    try:
        yield subscription
    finally:
        subscription.close()
