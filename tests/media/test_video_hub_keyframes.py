"""When the hub asks its source for a key frame."""

from __future__ import annotations

import asyncio

import pytest

from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaEnded
from agent.media.keyframe_limiter import BURST, MIN_INTERVAL
from agent.media.video_hub import VideoHub
from tests.fakes.manual_clock import ManualClock
from tests.fakes.video import FakeVideoSource
from tests.media.hubs import OPTIONS, stopped, turns
from tests.waiting import PATIENCE


async def test_hub_late_subscriber_waits_for_a_key_frame_and_asks_for_it(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    await hub.subscribe()
    source.send(key=True)
    await turns()
    assert source.keyframe_requests == 0
    late = await hub.subscribe()
    assert source.keyframe_requests == 0, "nobody reads it yet"
    reading = asyncio.create_task(late.next())
    await turns()
    source.send()
    await turns()
    assert source.keyframe_requests == 1
    key = source.send(key=True)
    assert await reading is key
    assert late.dropped == 0


async def test_hub_asks_nothing_for_a_subscriber_that_skips(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    """A call whose transport is not up would throw the key frame away, and have used up what the
    encoder may be asked for when it can show one.
    """
    await hub.subscribe()
    source.send(key=True)
    await turns()
    late = await hub.subscribe()
    for _ in range(30):
        skipping = asyncio.create_task(late.skip())
        await turns()
        source.send()
        assert await skipping is None
    assert source.keyframe_requests == 0
    assert late.dropped == 0
    late.request_keyframe()
    assert source.keyframe_requests == 1
    sent = [source.send(key=True), source.send()]
    await turns()
    assert [await late.skip(), await late.next()] == sent
    assert source.keyframe_requests == 1


async def test_hub_ends_a_subscriber_that_skips(hub: VideoHub) -> None:
    skipping = asyncio.create_task((await hub.subscribe()).skip())
    await turns()
    await hub.close()
    with pytest.raises(MediaEnded):
        await skipping


async def test_hub_overflow_drops_to_the_next_key_frame_and_asks_for_one(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    slow, quick = await hub.subscribe(), await hub.subscribe()
    for number in range(9):
        source.send(key=number == 0)
        await turns()
        await quick.next()
    assert (slow.dropped, quick.dropped) == (9, 0)
    reading = asyncio.create_task(slow.next())
    await turns()
    source.send()
    await turns()
    assert source.keyframe_requests == 1
    key = source.send(key=True)
    await turns()
    assert await reading is key


async def test_hub_asks_nothing_for_a_subscriber_that_stopped_reading(
    source: FakeVideoSource,
) -> None:
    """A transport that has ended stays until the call knows what to do: the others pay for each key
    frame.
    """
    clock = ManualClock()
    hub = VideoHub(source, OPTIONS, clock=clock)
    dead, quick = await hub.subscribe(), await hub.subscribe()
    for _ in range(10):
        for number in range(12):
            source.send(key=number == 0)
            await turns()
            await quick.next()
            clock.now += 1 / 30
    assert dead.dropped > 100
    assert source.keyframe_requests == 0
    await hub.close()


async def test_hub_storm_of_keyframe_requests_becomes_a_burst_and_one_later(
    source: FakeVideoSource,
) -> None:
    clock = ManualClock()
    hub = VideoHub(source, OPTIONS, clock=clock)
    subscriptions = [await hub.subscribe() for _ in range(4)]
    for _ in range(50):
        for each in subscriptions:
            each.request_keyframe()
    assert source.keyframe_requests == BURST
    source.keyframe_requested.clear()
    async with asyncio.timeout(PATIENCE):
        await source.keyframe_requested.wait()
    assert source.keyframe_requests == BURST + 1
    await hub.close()


async def test_hub_key_frame_serves_requests_made_in_the_meantime(source: FakeVideoSource) -> None:
    clock = ManualClock()
    hub = VideoHub(source, OPTIONS, clock=clock)
    subscription = await hub.subscribe()
    for _ in range(BURST + 1):
        subscription.request_keyframe()
    source.send(key=True)
    # set after the hold's own timer, it ends after it
    await asyncio.sleep(1.1 * MIN_INTERVAL)
    assert source.keyframe_requests == BURST
    clock.now += MIN_INTERVAL
    subscription.request_keyframe()
    assert source.keyframe_requests == BURST + 1
    await hub.close()


async def test_hub_asks_again_while_no_key_frame_comes(
    source: FakeVideoSource,
) -> None:
    clock = ManualClock()
    hub = VideoHub(source, OPTIONS, clock=clock)
    reading = asyncio.create_task((await hub.subscribe()).next())
    await turns()
    # a webcam that begins in the middle of its stream, at 8 fps
    for _ in range(30):
        source.send()
        await turns(3)
        clock.now += 1 / 8
    assert source.keyframe_requests == 10
    await hub.close()
    with pytest.raises(MediaEnded):
        await reading


async def test_hub_requests_while_nothing_runs_do_nothing(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    hub.request_keyframe()
    subscription = await hub.subscribe()
    subscription.close()
    await stopped(source)
    subscription.request_keyframe()
    subscription.set_demand(EncoderDemand(300_000))
    assert source.keyframe_requests == 0
    assert source.bitrates == []
