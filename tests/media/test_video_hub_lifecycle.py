"""When the hub starts its source, and when it stops it."""

from __future__ import annotations

import asyncio

import pytest

from agent.errors import MediaEnded, MediaUnavailable
from agent.media.video_hub import VideoHub
from tests.fakes.video import FakeVideoSource
from tests.media.hubs import OPTIONS, stopped, turns


async def test_hub_starts_with_the_first_and_stops_after_the_last(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    assert source.calls == []
    first, second = await hub.subscribe(), await hub.subscribe()
    assert source.calls == ["start"]
    first.close()
    await turns()
    assert source.running
    second.close()
    second.close()
    await stopped(source)
    assert source.calls == ["start", "stop"]
    assert not hub.running


async def test_hub_can_be_used_again_after_the_last_left(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    for _ in range(3):
        (await hub.subscribe()).close()
        await stopped(source)
        source.stopped.clear()
    assert source.calls == ["start", "stop"] * 3


async def test_hub_subscribe_right_after_the_last_left_finds_the_source_running(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    (await hub.subscribe()).close()
    assert await hub.subscribe()
    await turns()
    assert source.running


async def test_hub_subscribe_while_it_stops_waits_and_starts_it_again(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    (await hub.subscribe()).close()
    source.stop_gate = asyncio.Event()
    await turns()
    late = asyncio.create_task(hub.subscribe())
    await turns()
    assert source.calls == ["start", "stop"]
    source.stop_gate.set()
    await late
    assert source.calls == ["start", "stop", "start"]
    assert source.running


async def test_hub_subscribers_who_come_together_start_it_once(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    source.gate = asyncio.Event()
    tasks = [asyncio.create_task(hub.subscribe()) for _ in range(5)]
    await source.starting.wait()
    source.gate.set()
    subscriptions = await asyncio.gather(*tasks)
    assert source.calls == ["start"]
    for each in subscriptions:
        each.close()
    await stopped(source)
    assert source.calls == ["start", "stop"]


async def test_hub_failed_start_reaches_every_waiter_and_the_next_try_works(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    source.gate = asyncio.Event()
    source.failure = MediaUnavailable("the camera is busy")
    tasks = [asyncio.create_task(hub.subscribe()) for _ in range(3)]
    await source.starting.wait()
    source.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["the camera is busy"] * 3
    assert all(isinstance(result, MediaUnavailable) for result in results)
    assert await hub.subscribe()
    assert source.running


async def test_hub_source_that_breaks_while_starting_is_unavailable(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    source.failure = RuntimeError("what a surprise")
    with pytest.raises(MediaUnavailable, match="what a surprise"):
        await hub.subscribe()


async def test_hub_waiter_who_leaves_does_not_stop_the_start_for_others(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    source.gate = asyncio.Event()
    leaver, stayer = asyncio.create_task(hub.subscribe()), asyncio.create_task(hub.subscribe())
    await source.starting.wait()
    leaver.cancel()
    await asyncio.wait({leaver})
    source.gate.set()
    assert await stayer
    assert source.calls == ["start"]


async def test_hub_stops_a_source_that_all_left_while_it_started(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    source.gate = asyncio.Event()
    leaver = asyncio.create_task(hub.subscribe())
    await source.starting.wait()
    leaver.cancel()
    await asyncio.wait({leaver})
    source.gate.set()
    await stopped(source)
    assert source.calls == ["start", "stop"]
    assert await hub.subscribe()


async def test_hub_linger_keeps_the_source_running_for_the_next(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS, linger=30)
    (await hub.subscribe()).close()
    await turns()
    assert source.running
    await hub.subscribe()
    assert source.calls == ["start"]
    await hub.close()
    assert source.calls == ["start", "stop"]


async def test_hub_linger_ends(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS, linger=0.01)
    (await hub.subscribe()).close()
    await stopped(source)
    await hub.close()
    assert source.calls == ["start", "stop"]


async def test_hub_close_stops_the_source_and_ends_subscriptions(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    subscription = await hub.subscribe()
    await asyncio.gather(hub.close(), hub.close())
    assert source.calls == ["start", "stop"]
    with pytest.raises(MediaEnded):
        await subscription.next()
    with pytest.raises(MediaUnavailable, match="closed"):
        await hub.subscribe()


async def test_hub_close_while_it_starts(hub: VideoHub, source: FakeVideoSource) -> None:
    source.gate = asyncio.Event()
    waiter = asyncio.create_task(hub.subscribe())
    await source.starting.wait()
    closing = asyncio.create_task(hub.close())
    await turns()
    source.gate.set()
    await closing
    assert not source.running
    with pytest.raises(MediaUnavailable, match="closed"):
        await waiter
