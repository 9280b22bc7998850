"""What is measured of a camera, on one whose figures are known and a clock that it moves."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from agent.core.rate.encoder_demand import EncoderDemand
from agent.doctor import measure
from agent.doctor.measure import BitrateStep, Measurement, measure_camera
from agent.errors import MediaError
from agent.media.base.video_source import SourceDescription, VideoOptions
from agent.media.jpeg import Jpeg
from agent.media.video_hub import VideoHub
from agent.ports import AccessUnit, VideoFormat
from agent.settings import Settings
from tests.fakes.manual_clock import ManualClock

FRAMERATE = 25
LATENCY = 0.08  # seconds
# pictures between a request and its key frame
DELAY = 3
PICTURE = Jpeg(b"\xff\xd8", 640, 360)


class KnownCamera:
    """The hub and its subscription in one: pictures come as fast as they are asked for, each at the
    moment of its turn on `clock`, in the size of the bitrate that was asked for last.
    """

    format = VideoFormat(1280, 720, FRAMERATE)
    dropped = 2

    def __init__(self, clock: ManualClock, *, bitrate: int, answers: bool = True) -> None:
        self._clock = clock
        self._bitrate = bitrate
        self._answers = answers
        self._until_keyframe: int | None = None
        self.failure: MediaError | None = None
        self.closed = False

    async def subscribe(self) -> KnownCamera:
        return self

    def describe(self) -> SourceDescription:
        return SourceDescription("imx708", "V4L2 H.264")

    async def snapshot(self, _max_size: int) -> Jpeg:
        for _ in range(10):
            await asyncio.sleep(0)
        return PICTURE

    async def next(self) -> AccessUnit:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        self._clock.now += 1 / FRAMERATE
        keyframe = self._until_keyframe == 1
        if self._until_keyframe is not None:
            self._until_keyframe = None if keyframe else self._until_keyframe - 1
        data = bytes(self._bitrate // FRAMERATE // 8)
        return AccessUnit(data, keyframe, 0, self._clock.now - LATENCY)

    def request_keyframe(self) -> None:
        if self._answers:
            self._until_keyframe = DELAY

    def set_demand(self, demand: EncoderDemand) -> None:
        self._bitrate = demand.bitrate

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock()
    monkeypatch.setattr(measure, "time", SimpleNamespace(monotonic=clock))
    return clock


def options() -> VideoOptions:
    settings = Settings.model_validate({"uid": "door-1"})
    return VideoOptions.of(settings.video, settings.camera, settings.uid)


async def measured(
    camera: KnownCamera, steps: list[str] | None = None, seconds: float = 10
) -> Measurement:
    progress = (steps if steps is not None else []).append
    return await measure_camera(cast("VideoHub", camera), options(), seconds, progress)


async def test_measure_camera_finds_rate_bitrate_and_latency(clock: ManualClock) -> None:
    camera = KnownCamera(clock, bitrate=2_000_000)
    found = await measured(camera)
    assert found.steady.framerate == pytest.approx(FRAMERATE)
    assert found.steady.bitrate == pytest.approx(2_000_000, rel=0.01)
    assert found.steady.latency == pytest.approx(LATENCY)
    assert found.steady.latency_95 == pytest.approx(LATENCY)
    assert found.steady.longest_gap == pytest.approx(1 / FRAMERATE)
    assert found.first_picture == pytest.approx(1 / FRAMERATE)
    assert (found.camera, found.encoder, found.dropped) == ("imx708", "V4L2 H.264", 2)
    assert (found.video, found.snapshot) == (camera.format, PICTURE)
    assert camera.closed


async def test_measure_camera_goes_down_and_up_again(clock: ManualClock) -> None:
    found = await measured(KnownCamera(clock, bitrate=2_000_000))
    assert [step.asked for step in found.bitrate_steps] == [1_000_000, 500_000, 2_000_000]
    for step in found.bitrate_steps:
        assert isinstance(step, BitrateStep)
        assert step.sent == pytest.approx(step.asked, rel=0.01)


async def test_measure_camera_times_key_frames(clock: ManualClock) -> None:
    found = await measured(KnownCamera(clock, bitrate=2_000_000))
    assert [each.pictures for each in found.keyframes] == [DELAY] * 5
    for each in found.keyframes:
        assert each.seconds == pytest.approx(DELAY / FRAMERATE)


async def test_measure_camera_that_makes_no_key_frames_says_so(clock: ManualClock) -> None:
    found = await measured(KnownCamera(clock, bitrate=2_000_000, answers=False))
    assert {each.seconds for each in found.keyframes} == {None}


async def test_measure_camera_takes_about_as_long_as_it_was_told(clock: ManualClock) -> None:
    steps: list[str] = []
    for seconds, longest in ((20.0, 25.0), (0.0, 12.0)):
        before = clock.now
        await measured(KnownCamera(clock, bitrate=2_000_000), steps, seconds)
        assert seconds / 2 < clock.now - before < longest
    assert steps[0] == "opening the camera"
    assert "measuring the rate for 8 s" in steps


async def test_measure_camera_that_ends_is_closed(clock: ManualClock) -> None:
    camera = KnownCamera(clock, bitrate=2_000_000)
    camera.failure = MediaError("unplugged")
    with pytest.raises(MediaError, match="unplugged"):
        await measured(camera)
    assert camera.closed
