"""What the hub does with a source that breaks."""

from __future__ import annotations

import asyncio
import time

import pytest

from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaEnded, MediaError, MediaUnavailable
from agent.media import on_demand
from agent.media.on_demand import HELD_UP
from agent.media.video_hub import VideoHub
from tests.fakes.video import FakeVideoSource, access_unit
from tests.media.hubs import OPTIONS, stopped, turns
from tests.waiting import PATIENCE


async def test_hub_without_reopening_ends_every_subscription_with_the_reason(
    source: FakeVideoSource,
) -> None:
    hub = VideoHub(source, OPTIONS, reopen_timeout=0)
    subscriptions = [await hub.subscribe() for _ in range(2)]
    reader = asyncio.create_task(subscriptions[0].next())
    await turns()
    source.break_down(MediaUnavailable("unplugged"))
    with pytest.raises(MediaEnded, match="unplugged"):
        await reader
    with pytest.raises(MediaEnded, match="unplugged"):
        await subscriptions[1].next()
    await stopped(source)
    assert await hub.subscribe()
    assert source.calls == ["start", "stop", "start"]
    await hub.close()


class Health:
    """What a hub says of its source."""

    def __init__(self) -> None:
        self.said: list[str | None] = []

    def __call__(self, failure: MediaError | None) -> None:
        self.said.append(None if failure is None else str(failure))


async def started_again(source: FakeVideoSource, count: int) -> None:
    """It has been started so often. By now it may have failed again."""
    async with asyncio.timeout(PATIENCE):
        while source.calls.count("start") < count:
            source.starting.clear()
            await source.starting.wait()
            await turns()


async def test_hub_reopens_a_source_that_breaks_and_subscriptions_go_on(
    source: FakeVideoSource,
) -> None:
    health = Health()
    hub = VideoHub(source, OPTIONS, on_health=health)
    subscription = await hub.subscribe()
    subscription.set_demand(EncoderDemand(500_000))
    last = source.send(key=True)
    await turns()
    source.break_down(MediaUnavailable("unplugged"))
    await started_again(source, 2)
    assert source.calls == ["start", "stop", "start"]
    # the new encoder began at the configured bitrate
    assert source.bitrates == [500_000, 500_000]
    source.reset_clock()
    again = [source.send(key=True), source.send()]
    await turns()
    assert await subscription.next() is last
    received = [await subscription.next(), await subscription.next()]
    assert [unit.data for unit in received] == [unit.data for unit in again]
    assert last.pts < received[0].pts < received[1].pts  # as ports.py promises
    # told at once, though it is mended
    assert health.said == [None, "unplugged", None]
    await hub.close()


async def test_hub_reopens_a_silent_source(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS, stall_timeout=0.02)
    await hub.subscribe()
    await started_again(source, 2)
    await hub.close()


async def test_hub_does_not_blame_a_source_for_a_process_that_stood_still(
    source: FakeVideoSource,
) -> None:
    hub = VideoHub(source, OPTIONS, stall_timeout=HELD_UP)
    subscription = await hub.subscribe()
    # it waits for pictures
    await turns()
    time.sleep(3 * HELD_UP)  # noqa: ASYNC251 - that is the point
    await turns()
    assert source.calls == ["start"]
    key = source.send(key=True)
    assert (await subscription.next()).data == key.data
    await hub.close()


async def test_hub_reopening_tries_until_the_source_works_again(
    source: FakeVideoSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_demand, "REOPEN_PAUSE", 0.01)
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    source.failures = [MediaUnavailable("not yet")] * 3
    source.break_down(MediaUnavailable("unplugged"))
    late = asyncio.create_task(hub.subscribe())
    await started_again(source, 5)
    key = source.send(key=True)
    assert (await subscription.next()).data == key.data
    assert (await (await late).next()).data == key.data
    await hub.close()


async def test_hub_reopening_in_vain_ends_the_subscriptions_and_is_told(
    source: FakeVideoSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_demand, "REOPEN_PAUSE", 0.01)
    health = Health()
    hub = VideoHub(source, OPTIONS, reopen_timeout=0.05, on_health=health)
    subscription = await hub.subscribe()
    source.failures = [MediaUnavailable("gone")] * 99
    source.break_down(MediaUnavailable("unplugged"))
    with pytest.raises(MediaEnded, match="gone"):
        await asyncio.wait_for(subscription.next(), PATIENCE)
    await stopped(source)
    assert health.said == [None, "unplugged", "gone"]
    with pytest.raises(MediaUnavailable, match="gone"):
        await hub.subscribe()
    source.failures = []
    assert await hub.subscribe()
    assert health.said == [None, "unplugged", "gone", "gone", None]
    await hub.close()


async def test_hub_does_not_reopen_a_source_that_breaks_again_at_once(
    source: FakeVideoSource,
) -> None:
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    source.break_down(MediaUnavailable("first"))
    await started_again(source, 2)
    source.break_down(MediaUnavailable("second"))
    with pytest.raises(MediaEnded, match="second"):
        await asyncio.wait_for(subscription.next(), PATIENCE)
    await hub.close()


async def test_hub_does_not_reopen_a_source_without_subscribers(
    source: FakeVideoSource,
) -> None:
    hub = VideoHub(source, OPTIONS, linger=30)
    (await hub.subscribe()).close()
    await turns()
    source.break_down(MediaUnavailable("unplugged"))
    await stopped(source)
    assert source.calls == ["start", "stop"]
    await hub.close()


async def test_hub_ignores_what_an_earlier_start_still_delivers(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    emit, fail = source.callbacks()
    fail(MediaUnavailable("unplugged"))
    await started_again(source, 2)
    emit(access_unit(7, key=True))
    fail(MediaUnavailable("late"))
    key = source.send(key=True)
    assert (await subscription.next()).data == key.data
    await hub.close()


async def test_hub_source_that_falls_silent_has_failed(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS, stall_timeout=0.02, reopen_timeout=0)
    subscription = await hub.subscribe()
    with pytest.raises(MediaEnded, match="no picture"):
        await asyncio.wait_for(subscription.next(), PATIENCE)
    await hub.close()
