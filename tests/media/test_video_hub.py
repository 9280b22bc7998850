"""The camera hub: what its subscriptions get, what its encoder is asked for, who starves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace

import av
import pytest

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaEnded, MediaUnavailable
from agent.media.base.video_source import VideoOptions
from agent.media.video_hub import VideoHub
from agent.ports import AccessUnit, VideoFormat, VideoSubscription
from tests.fakes.clock import FastLoop
from tests.fakes.video import FakeVideoSource, StillSourceFake
from tests.media.hubs import OPTIONS, stopped, turns
from tests.waiting import PATIENCE


async def test_hub_gives_every_subscriber_the_same_units(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    subscriptions = [await hub.subscribe() for _ in range(3)]
    sent = [source.send(key=True), source.send()]
    await turns()
    for each in subscriptions:
        assert [await each.next(), await each.next()] == sent


async def test_hub_units_from_another_thread_arrive_in_order(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    subscription = await hub.subscribe()
    thread = threading.Thread(target=lambda: [source.send(key=number == 0) for number in range(6)])
    thread.start()
    async with asyncio.timeout(PATIENCE):
        received = [await subscription.next() for _ in range(6)]
    thread.join()
    assert [unit.pts // 3000 for unit in received] == list(range(6))


async def test_hub_snapshot_does_not_change_the_video() -> None:
    source = StillSourceFake(av.VideoFrame(1280, 720, "yuv420p"))
    hub = VideoHub(source, OPTIONS)
    await hub.subscribe()
    source.send()
    jpeg = await hub.snapshot(36 * 1024)
    assert (jpeg.width, jpeg.height, jpeg.data[:2], jpeg.data[-2:]) == (
        640,
        360,
        b"\xff\xd8",
        b"\xff\xd9",
    )
    assert (source.keyframe_requests, source.bitrates, source.calls) == (0, [], ["start"])
    await hub.close()


async def test_hub_snapshot_starts_and_stops_a_source_that_does_not_run() -> None:
    source = StillSourceFake(av.VideoFrame(64, 64, "yuv420p"))
    hub = VideoHub(source, OPTIONS)
    assert (await hub.snapshot(9999)).width == 64
    await stopped(source)
    assert source.calls == ["start", "stop"]
    await hub.close()


async def test_hub_demand_too_low_for_every_picture_divides_the_framerate() -> None:
    source = StillSourceFake(av.VideoFrame(64, 64, "yuv420p"))
    options = VideoOptions(min_bitrate=50_000)
    hub = VideoHub(source, options)
    subscription = await hub.subscribe()
    for bitrate in (139_000, 130_000, 140_000, 60_000, 250_000):
        subscription.set_demand(EncoderDemand(bitrate))
    assert source.divisors == [2, 3, 1]
    # each picture gets what it would get
    assert source.bitrates == [139_000, 260_000, 280_000, 180_000, 250_000]
    await hub.close()


async def test_hub_demand_below_the_minimum_keeps_the_encoder_above_it() -> None:
    source = StillSourceFake(av.VideoFrame(64, 64, "yuv420p"))
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    for bitrate in (250_000, 125_000, 83_333, 10, 250_000, 2_000_000):
        subscription.set_demand(EncoderDemand(bitrate))
    assert source.divisors == [2, 4, 1]
    assert min(source.bitrates) == OPTIONS.min_bitrate
    assert source.bitrates[-1] == hub.bitrate == 2_000_000
    await hub.close()


async def test_hub_keeps_a_picture_a_second_however_low_the_demand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hub takes three seconds without one for a camera that broke."""
    monkeypatch.setattr(StillSourceFake, "format", VideoFormat(1280, 720, 2.0, "42c01f"))
    source = StillSourceFake(av.VideoFrame(64, 64, "yuv420p"))
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    subscription.set_demand(EncoderDemand(OPTIONS.min_bitrate // 4))
    assert source.divisors == [2]
    await hub.close()


def ask(*bitrates: int) -> Callable[[list[VideoSubscription]], None]:
    def act(subscriptions: list[VideoSubscription]) -> None:
        for each, bitrate in zip(subscriptions, bitrates, strict=False):
            each.set_demand(EncoderDemand(bitrate))

    return act


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (ask(1_000_000), [1_000_000]),
        (ask(1_000_000, 3_000_000), [1_000_000]),
        (ask(3_000_000, 1_000_000), [3_000_000, 1_000_000]),
        (ask(10), [250_000]),
        (ask(99_000_000), [4_000_000]),
        (ask(2_000_000), []),
    ],
)
async def test_hub_encoder_follows_the_lowest_demand_within_the_limits(
    hub: VideoHub,
    source: FakeVideoSource,
    act: Callable[[list[VideoSubscription]], None],
    expected: list[int],
) -> None:
    act([await hub.subscribe() for _ in range(3)])
    assert source.bitrates == expected


async def test_hub_demand_goes_with_its_subscription(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    weak, strong, silent = [await hub.subscribe() for _ in range(3)]
    weak.set_demand(EncoderDemand(500_000))
    strong.set_demand(EncoderDemand(3_000_000))
    weak.close()
    strong.close()
    assert source.bitrates == [500_000, 3_000_000, 2_000_000]
    assert hub.bitrate == 2_000_000
    silent.close()


async def test_hub_ignored_subscription_slows_nobody_but_itself(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    followed = await hub.subscribe()
    followed.set_demand(EncoderDemand(3_000_000))
    ignored = await hub.subscribe(SharedBitrate.IGNORE)
    # as much as it gets anyway
    assert (followed.limits.bitrate, ignored.limits.bitrate) == (2_000_000, 3_000_000)
    ignored.set_demand(EncoderDemand(300_000))
    assert source.bitrates == [3_000_000]
    followed.close()
    # nobody else is there
    assert source.bitrates == [3_000_000, 300_000]
    weaker = await hub.subscribe(SharedBitrate.IGNORE)
    weaker.set_demand(EncoderDemand(260_000))
    assert source.bitrates[-1] == 260_000
    (await hub.subscribe()).set_demand(EncoderDemand(1_000_000))
    assert source.bitrates[-1] == 1_000_000


async def test_hub_new_start_begins_at_the_configured_bitrate(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    subscription = await hub.subscribe()
    subscription.set_demand(EncoderDemand(500_000))
    subscription.close()
    await stopped(source)
    await hub.subscribe()
    assert hub.bitrate == 2_000_000
    assert source.bitrates[:1] == [500_000]


async def test_hub_format_and_description_are_the_sources(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    subscription = await hub.subscribe()
    # as SDP spells 42c01f
    assert subscription.format == replace(source.format, profile_level_id="42e01f")
    assert hub.describe().camera == "fake"


async def test_hub_demand_with_a_divisor_is_what_the_encoder_gets() -> None:
    source = StillSourceFake(av.VideoFrame(64, 64, "yuv420p"))
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    subscription.set_demand(EncoderDemand(250_000, 3))
    assert source.divisors == [3]
    assert source.bitrates == [250_000]
    await hub.close()


def hub_for_waiting(source: FakeVideoSource) -> VideoHub:
    return VideoHub(source, OPTIONS, stall_timeout=10_000, reopen_timeout=0)


async def read(subscription: VideoSubscription) -> asyncio.Task[AccessUnit]:
    task = asyncio.create_task(subscription.next())
    await turns()
    return task


def test_hub_starved_is_the_longest_wait_until_the_picture_comes() -> None:
    async def scene() -> None:
        source = FakeVideoSource()
        hub = hub_for_waiting(source)
        assert hub.starved == 0
        first = await hub.subscribe()
        await asyncio.sleep(1000)
        assert hub.starved == 0, "nobody reads"
        tasks = [await read(first)]
        await asyncio.sleep(1)
        tasks.append(await read(await hub.subscribe()))
        await asyncio.sleep(1)
        assert hub.starved == pytest.approx(2)
        source.send(key=True)
        await asyncio.wait(tasks)
        assert hub.starved == 0
        await hub.close()

    run(scene())


def test_hub_starved_is_what_a_reader_that_skips_waits_for_any_picture() -> None:
    async def scene() -> None:
        source = FakeVideoSource()
        hub = hub_for_waiting(source)
        subscription = await hub.subscribe()
        for _ in range(3):
            skipping = asyncio.create_task(subscription.skip())
            await asyncio.sleep(2)
            assert hub.starved == pytest.approx(2)
            # no key frame, as where one joins in mid-stream
            source.send()
            assert await skipping is None
            assert hub.starved == 0
        await hub.close()

    run(scene())


def test_hub_starved_ends_with_a_reader_that_is_cancelled() -> None:
    async def scene() -> None:
        hub = hub_for_waiting(FakeVideoSource())
        task = await read(await hub.subscribe())
        await asyncio.sleep(60)
        task.cancel()
        await asyncio.wait([task])
        assert hub.starved == 0
        await hub.close()

    run(scene())


def test_hub_starved_is_zero_where_the_source_cannot_be_opened() -> None:
    async def scene() -> None:
        source = FakeVideoSource()
        source.failure = MediaUnavailable("no camera")
        hub = hub_for_waiting(source)
        with pytest.raises(MediaUnavailable):
            await hub.subscribe()
        assert (hub.starved, hub.gave_up) == (0, None)
        await hub.close()

    run(scene())


def test_hub_gave_up_is_remembered_until_a_picture_comes() -> None:
    async def scene() -> None:
        source = FakeVideoSource()
        hub = hub_for_waiting(source)
        task = await read(await hub.subscribe())
        await asyncio.sleep(3)
        source.break_down(MediaUnavailable("wedged"))
        with pytest.raises(MediaEnded):
            await task
        await stopped(source)
        await asyncio.sleep(60)
        assert hub.gave_up == pytest.approx(3)
        assert hub.starved == 0
        again = await read(await hub.subscribe())
        source.send(key=True)
        await again
        assert hub.gave_up is None
        await hub.close()

    run(scene())


@pytest.mark.parametrize(("waited", "hang_up"), [(0.03, False), (10, True)])
def test_hub_gave_up_is_none_for_an_error_at_once_and_for_hanging_up(
    waited: float, hang_up: bool
) -> None:
    async def scene() -> None:
        source = FakeVideoSource()
        hub = hub_for_waiting(source)
        subscription = await hub.subscribe()
        task = await read(subscription)
        await asyncio.sleep(waited)
        if hang_up:
            subscription.close()
        else:
            source.break_down(MediaUnavailable("broken"))
        with pytest.raises(MediaEnded):
            await task
        assert hub.gave_up is None
        await hub.close()

    run(scene())


def run(scene: Coroutine[None, None, None]) -> None:
    """On a loop whose hours take no time."""
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        runner.run(scene)
