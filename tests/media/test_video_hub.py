from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import av
import pytest

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaEnded, MediaError, MediaUnavailable
from agent.media import shared_source
from agent.media.keyframe_limiter import BURST, MIN_INTERVAL
from agent.media.video_hub import VideoHub
from agent.media.video_source import Fail, VideoOptions
from agent.ports import AccessUnit, VideoFormat, VideoSubscription
from tests.fakes.video import FakeVideoSource, access_unit

OPTIONS = VideoOptions(bitrate=2_000_000, min_bitrate=250_000, max_bitrate=4_000_000)


@pytest.fixture
def source() -> FakeVideoSource:
    return FakeVideoSource()


@pytest.fixture
async def hub(source: FakeVideoSource) -> AsyncIterator[VideoHub]:
    hub = VideoHub(source, OPTIONS)
    yield hub
    await hub.close()


async def turns(count: int = 10) -> None:
    """Let everything run that is ready to."""
    for _ in range(count):
        await asyncio.sleep(0)


async def stopped(source: FakeVideoSource) -> None:
    async with asyncio.timeout(30):
        await source.stopped.wait()
    await turns()


async def test_it_starts_with_the_first_and_stops_after_the_last(
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


async def test_it_can_be_used_again_after_the_last_left(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    for _ in range(3):
        (await hub.subscribe()).close()
        await stopped(source)
        source.stopped.clear()
    assert source.calls == ["start", "stop"] * 3


async def test_one_who_comes_right_after_the_last_left_finds_it_running(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    (await hub.subscribe()).close()
    assert await hub.subscribe()
    await turns()
    assert source.running


async def test_one_who_comes_while_it_stops_waits_and_starts_it_anew(
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


async def test_subscribers_who_come_together_start_it_once(
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


async def test_a_failed_start_reaches_every_waiter_and_the_next_try_works(
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


async def test_a_source_that_breaks_while_starting_is_unavailable(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    source.failure = RuntimeError("what a surprise")
    with pytest.raises(MediaUnavailable, match="what a surprise"):
        await hub.subscribe()


async def test_a_waiter_who_leaves_does_not_stop_the_start_for_others(
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


async def test_when_all_leave_while_it_starts_it_is_stopped(
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


async def test_linger_keeps_it_warm_for_the_next(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS, linger=30)
    (await hub.subscribe()).close()
    await turns()
    assert source.running
    await hub.subscribe()
    assert source.calls == ["start"]
    await hub.close()
    assert source.calls == ["start", "stop"]


async def test_linger_ends(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS, linger=0.01)
    (await hub.subscribe()).close()
    await stopped(source)
    await hub.close()
    assert source.calls == ["start", "stop"]


async def test_a_source_that_fails_and_cannot_be_reopened_ends_every_subscription_with_its_reason(
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
    async with asyncio.timeout(30):
        while source.calls.count("start") < count or not source.running:
            source.starting.clear()
            await source.starting.wait()
            await turns()


async def test_a_source_that_breaks_is_started_anew_and_its_subscriptions_go_on(
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
    assert health.said == [None, None]
    await hub.close()


async def test_a_silent_source_is_started_anew(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS, stall_timeout=0.02)
    await hub.subscribe()
    await started_again(source, 2)
    await hub.close()


async def test_it_tries_until_the_source_works_again(
    source: FakeVideoSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_source, "REOPEN_PAUSE", 0.01)
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


async def test_what_cannot_be_mended_ends_the_subscriptions_and_is_told(
    source: FakeVideoSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_source, "REOPEN_PAUSE", 0.01)
    health = Health()
    hub = VideoHub(source, OPTIONS, reopen_timeout=0.05, on_health=health)
    subscription = await hub.subscribe()
    source.failures = [MediaUnavailable("gone")] * 99
    source.break_down(MediaUnavailable("unplugged"))
    with pytest.raises(MediaEnded, match="gone"):
        await asyncio.wait_for(subscription.next(), 5)
    await stopped(source)
    assert health.said == [None, "gone"]
    with pytest.raises(MediaUnavailable, match="gone"):
        await hub.subscribe()
    source.failures = []
    assert await hub.subscribe()
    assert health.said == [None, "gone", "gone", None]
    await hub.close()


async def test_one_that_breaks_again_at_once_is_beyond_repair(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    source.break_down(MediaUnavailable("first"))
    await started_again(source, 2)
    source.break_down(MediaUnavailable("second"))
    with pytest.raises(MediaEnded, match="second"):
        await asyncio.wait_for(subscription.next(), 5)
    await hub.close()


async def test_one_that_breaks_while_nobody_looks_is_not_started_anew(
    source: FakeVideoSource,
) -> None:
    hub = VideoHub(source, OPTIONS, linger=30)
    (await hub.subscribe()).close()
    await turns()
    source.break_down(MediaUnavailable("unplugged"))
    await stopped(source)
    assert source.calls == ["start", "stop"]
    await hub.close()


async def test_what_an_earlier_life_still_says_is_not_heard(source: FakeVideoSource) -> None:
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


async def test_a_snapshot_is_no_burden_for_the_video() -> None:
    source = StillFake(av.VideoFrame(1280, 720, "yuv420p"))
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


async def test_a_snapshot_starts_what_does_not_run_and_stops_it_again() -> None:
    source = StillFake(av.VideoFrame(64, 64, "yuv420p"))
    hub = VideoHub(source, OPTIONS)
    assert (await hub.snapshot(9999)).width == 64
    await stopped(source)
    assert source.calls == ["start", "stop"]
    await hub.close()


async def test_a_bitrate_for_which_every_picture_is_too_many_halves_the_framerate() -> None:
    source = StillFake(av.VideoFrame(64, 64, "yuv420p"))
    options = VideoOptions(min_bitrate=50_000)
    hub = VideoHub(source, options)
    subscription = await hub.subscribe()
    for bitrate in (139_000, 130_000, 140_000, 60_000, 250_000):
        subscription.set_demand(EncoderDemand(bitrate))
    assert source.divisors == [2, 3, 1]
    # each picture gets what it would get
    assert source.bitrates == [139_000, 260_000, 280_000, 180_000, 250_000]
    await hub.close()


async def test_below_the_minimum_pictures_are_left_out_and_the_encoder_stays_above_it() -> None:
    source = StillFake(av.VideoFrame(64, 64, "yuv420p"))
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    for bitrate in (250_000, 125_000, 83_333, 10, 250_000, 2_000_000):
        subscription.set_demand(EncoderDemand(bitrate))
    assert source.divisors == [2, 4, 1]
    assert min(source.bitrates) == OPTIONS.min_bitrate
    assert source.bitrates[-1] == hub.bitrate == 2_000_000
    await hub.close()


async def test_a_picture_a_second_is_left_however_few_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hub takes three seconds without one for a camera that broke."""
    monkeypatch.setattr(StillFake, "format", VideoFormat(1280, 720, 2.0, "42c01f"))
    source = StillFake(av.VideoFrame(64, 64, "yuv420p"))
    hub = VideoHub(source, OPTIONS)
    subscription = await hub.subscribe()
    subscription.set_demand(EncoderDemand(OPTIONS.min_bitrate // 4))
    assert source.divisors == [2]
    await hub.close()


class StillFake(FakeVideoSource):
    """A source with a picture beside the video, which can leave pictures out. It sends a key frame
    on start.
    """

    def __init__(self, picture: av.VideoFrame) -> None:
        super().__init__()
        self._picture = picture
        self.divisors: list[int] = []

    async def start(self, emit: Callable[[AccessUnit], None], fail: Fail) -> None:
        await super().start(emit, fail)
        self.send(key=True)

    def take_still(self) -> av.VideoFrame | None:
        return self._picture

    def divide_framerate(self, divisor: int) -> None:
        self.divisors.append(divisor)


async def test_a_source_that_falls_silent_has_failed(source: FakeVideoSource) -> None:
    hub = VideoHub(source, OPTIONS, stall_timeout=0.02, reopen_timeout=0)
    subscription = await hub.subscribe()
    with pytest.raises(MediaEnded, match="no picture"):
        await asyncio.wait_for(subscription.next(), 5)
    await hub.close()


async def test_close_stops_the_source_and_ends_subscriptions(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    subscription = await hub.subscribe()
    await asyncio.gather(hub.close(), hub.close())
    assert source.calls == ["start", "stop"]
    with pytest.raises(MediaEnded):
        await subscription.next()
    with pytest.raises(MediaUnavailable, match="closed"):
        await hub.subscribe()


async def test_close_while_it_starts(hub: VideoHub, source: FakeVideoSource) -> None:
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


async def test_everybody_gets_the_same_units(hub: VideoHub, source: FakeVideoSource) -> None:
    subscriptions = [await hub.subscribe() for _ in range(3)]
    sent = [source.send(key=True), source.send()]
    await turns()
    for each in subscriptions:
        assert [await each.next(), await each.next()] == sent


async def test_units_from_a_foreign_thread_arrive_in_order(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    subscription = await hub.subscribe()
    thread = threading.Thread(target=lambda: [source.send(key=number == 0) for number in range(6)])
    thread.start()
    async with asyncio.timeout(30):
        received = [await subscription.next() for _ in range(6)]
    thread.join()
    assert [unit.pts // 3000 for unit in received] == list(range(6))


async def test_one_who_joins_later_waits_for_a_key_frame_and_asks_for_it(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    await hub.subscribe()
    source.send(key=True)
    await turns()
    assert source.keyframe_requests == 0
    late = await hub.subscribe()
    assert source.keyframe_requests == 1
    source.send()
    key = source.send(key=True)
    await turns()
    assert await late.next() is key
    assert late.dropped == 0


async def test_overflow_drops_to_the_next_key_frame_and_asks_for_one(
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


async def test_for_one_who_has_stopped_reading_nothing_is_asked(source: FakeVideoSource) -> None:
    """A transport that has ended stays until the call knows what to do: the others pay for each key
    frame.
    """
    clock = Clock()
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


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_storm_of_requests_becomes_a_burst_now_and_one_later(
    source: FakeVideoSource,
) -> None:
    clock = Clock()
    hub = VideoHub(source, OPTIONS, clock=clock)
    subscriptions = [await hub.subscribe() for _ in range(4)]
    for _ in range(50):
        for each in subscriptions:
            each.request_keyframe()
    assert source.keyframe_requests == BURST
    source.keyframe_requested.clear()
    async with asyncio.timeout(30):
        await source.keyframe_requested.wait()
    assert source.keyframe_requests == BURST + 1
    await hub.close()


async def test_a_key_frame_serves_those_who_asked_in_the_meantime(source: FakeVideoSource) -> None:
    clock = Clock()
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


async def test_while_a_key_frame_does_not_come_it_is_asked_for_again(
    source: FakeVideoSource,
) -> None:
    clock = Clock()
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


async def test_requests_while_nothing_runs_do_nothing(
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
async def test_the_encoder_follows_the_lowest_wish_within_the_limits(
    hub: VideoHub,
    source: FakeVideoSource,
    act: Callable[[list[VideoSubscription]], None],
    expected: list[int],
) -> None:
    act([await hub.subscribe() for _ in range(3)])
    assert source.bitrates == expected


async def test_a_wish_goes_with_its_subscription(hub: VideoHub, source: FakeVideoSource) -> None:
    weak, strong, silent = [await hub.subscribe() for _ in range(3)]
    weak.set_demand(EncoderDemand(500_000))
    strong.set_demand(EncoderDemand(3_000_000))
    weak.close()
    strong.close()
    assert source.bitrates == [500_000, 3_000_000, 2_000_000]
    assert hub.bitrate == 2_000_000
    silent.close()


async def test_one_whom_the_policy_lets_be_ignored_slows_nobody_but_itself(
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


async def test_a_new_start_begins_at_the_configured_bitrate(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    subscription = await hub.subscribe()
    subscription.set_demand(EncoderDemand(500_000))
    subscription.close()
    await stopped(source)
    await hub.subscribe()
    assert hub.bitrate == 2_000_000
    assert source.bitrates[:1] == [500_000]


async def test_format_and_description_are_the_sources(
    hub: VideoHub, source: FakeVideoSource
) -> None:
    subscription = await hub.subscribe()
    # as SDP spells 42c01f
    assert subscription.format == replace(source.format, profile_level_id="42e01f")
    assert hub.describe().camera == "fake"
