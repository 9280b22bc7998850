"""How long a call has waited for a frame."""

from __future__ import annotations

import asyncio

import pytest

from agent.core.call.reasons import SharedBitrate
from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaEnded, MediaUnavailable
from agent.media.frame_meter import FrameMeter
from agent.ports import AccessUnit, BitrateLimits, VideoFormat, VideoSubscription
from agent.service.process_health import STARVED_AFTER, Vitals, ailment

LIMITS = BitrateLimits()


class Camera:
    """A `VideoFeed` with one subscription, which is itself: it gives what is put into it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[AccessUnit | None] = asyncio.Queue()
        self.requests: list[object] = []
        self.broken = False

    @property
    def format(self) -> VideoFormat:
        return VideoFormat(640, 360, 30.0)

    @property
    def limits(self) -> BitrateLimits:
        return LIMITS

    @property
    def dropped(self) -> int:
        return 7

    async def subscribe(self, _shared: SharedBitrate = SharedBitrate.FOLLOW) -> VideoSubscription:
        if self.broken:
            raise MediaUnavailable("no camera")
        return self

    async def next(self) -> AccessUnit:
        unit = await self.queue.get()
        if unit is None:
            raise MediaEnded("the end")
        return unit

    def give(self) -> None:
        self.queue.put_nowait(AccessUnit(data=b"", keyframe=True, pts=0, captured_at=0.0))

    def end(self) -> None:
        self.queue.put_nowait(None)

    def request_keyframe(self) -> None:
        self.requests.append("keyframe")

    def set_demand(self, demand: EncoderDemand) -> None:
        self.requests.append(demand)

    def close(self) -> None:
        self.end()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def camera() -> Camera:
    return Camera()


@pytest.fixture
def meter(camera: Camera, clock: Clock) -> FrameMeter:
    return FrameMeter(camera, clock)


async def waiting(subscription: VideoSubscription) -> asyncio.Task[AccessUnit]:
    task = asyncio.ensure_future(subscription.next())
    await asyncio.sleep(0)
    return task


async def test_nobody_starves_without_a_call(meter: FrameMeter, clock: Clock) -> None:
    clock.now += 1000
    assert meter.starved == 0


async def test_waiting_is_measured_until_the_frame_comes(
    meter: FrameMeter, camera: Camera, clock: Clock
) -> None:
    task = await waiting(await meter.subscribe())
    clock.now += 2
    assert meter.starved == 2
    camera.give()
    await task
    assert meter.starved == 0
    assert meter.frames == 1


async def test_the_longest_wait_counts(meter: FrameMeter, camera: Camera, clock: Clock) -> None:
    first = await waiting(await meter.subscribe())
    clock.now += 1
    second = await waiting(await meter.subscribe())
    clock.now += 1
    assert meter.starved == 2
    for task in (first, second):
        camera.give()
        await task


async def test_a_camera_that_gave_up_is_remembered_until_a_frame_comes(
    meter: FrameMeter, camera: Camera, clock: Clock
) -> None:
    task = await waiting(await meter.subscribe())
    clock.now += 3
    camera.end()
    with pytest.raises(MediaEnded):
        await task
    clock.now += 60
    assert meter.gave_up == 3
    assert meter.starved == 0
    again = await waiting(await meter.subscribe())
    camera.give()
    await again
    assert meter.gave_up is None


async def test_an_error_that_comes_at_once_is_the_cameras_own(
    meter: FrameMeter, camera: Camera, clock: Clock
) -> None:
    task = await waiting(await meter.subscribe())
    clock.now += 0.03
    camera.end()
    with pytest.raises(MediaEnded):
        await task
    assert meter.gave_up is None


async def test_hanging_up_is_no_starvation(meter: FrameMeter, clock: Clock) -> None:
    subscription = await meter.subscribe()
    task = await waiting(subscription)
    clock.now += 10
    subscription.close()
    with pytest.raises(MediaEnded):
        await task
    assert meter.gave_up is None


async def test_cancelling_is_no_starvation(meter: FrameMeter, clock: Clock) -> None:
    task = await waiting(await meter.subscribe())
    clock.now += 60
    task.cancel()
    await asyncio.wait([task])
    assert meter.starved == 0


async def test_a_camera_that_cannot_be_opened_is_no_starvation(
    meter: FrameMeter, camera: Camera
) -> None:
    camera.broken = True
    with pytest.raises(MediaUnavailable):
        await meter.subscribe()
    assert meter.starved == 0


async def test_everything_else_is_passed_on(meter: FrameMeter, camera: Camera) -> None:
    subscription = await meter.subscribe()
    subscription.request_keyframe()
    subscription.set_demand(EncoderDemand(500_000))
    assert camera.requests == ["keyframe", EncoderDemand(500_000)]
    assert subscription.format == camera.format
    assert subscription.limits is LIMITS
    assert subscription.dropped == 7


@pytest.mark.parametrize(
    ("vitals", "complaint"),
    [
        (Vitals(), None),
        (Vitals(starved=STARVED_AFTER - 0.1), None),
        (Vitals(starved=16.2), "the camera has given no frame for 16 s of a call"),
        (Vitals(gave_up=11.0), "the camera gave up in a call, 11 s after its last frame"),
        (Vitals(mqtt_thread_alive=False), "the MQTT thread has ended"),
    ],
)
def test_ailment(vitals: Vitals, complaint: str | None) -> None:
    assert ailment(vitals) == complaint
