"""The camera source on the virtual camera, with libx264 as on a Pi 5."""

from __future__ import annotations

import asyncio
import gc
import io
import itertools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from agent.core.rate.encoder_demand import EncoderDemand
from agent.errors import MediaEnded, MediaError, MediaUnavailable
from agent.h264.parameter_sets import nal_types, sequence_parameters, signaled_profile
from agent.media.base.camera_options import CameraOptions
from agent.media.base.video_source import VideoOptions
from agent.media.video_hub import VideoHub
from agent.ports import VIDEO_CLOCK_RATE, AccessUnit
from tests.camera.inside.fixtures import PATIENCE, subscribed, take
from tests.camera.inside.virtual_camera import Stage, VirtualPicamera2

Make = Callable[..., VideoHub]
SMALL = VideoOptions(
    width=640, height=360, bitrate=800_000, min_bitrate=150_000, max_bitrate=3_000_000
)


def count_decoded(units: list[AccessUnit]) -> int:
    decoder = av.CodecContext.create("h264", "r")
    return sum(len(decoder.decode(av.Packet(unit.data))) for unit in units) + len(
        decoder.decode(None)
    )


async def test_what_it_sends_is_what_it_says_and_all_of_it_decodes(open_hub: Make) -> None:
    options = VideoOptions(width=1280, height=720, bitrate=1_500_000)
    hub = open_hub(options)
    async with subscribed(hub) as subscription:
        units = await take(subscription, 45)
    assert hub.describe().encoder == "libx264"
    assert units[0].keyframe
    found = sequence_parameters(units[0].data)
    assert found is not None
    assert (found.width, found.height) == (1280, 720)
    assert found.profile_level_id == options.format.profile_level_id
    assert subscription.format.profile_level_id == signaled_profile(found.profile_level_id)
    assert found.profile_level_id.startswith("42c0"), "not Constrained Baseline"
    assert count_decoded(units) == 45 == len(units)
    assert subscription.dropped == 0


async def test_the_sensors_times_are_those_of_the_pictures(open_hub: Make) -> None:
    async with subscribed(open_hub(SMALL)) as subscription:
        await take(subscription, 5)
        units = [(await subscription.next(), time.monotonic()) for _ in range(30)]
    for (before, _), (unit, arrived_at) in itertools.pairwise(units):
        assert unit.pts > before.pts
        assert (
            abs(
                (unit.pts - before.pts) / VIDEO_CLOCK_RATE - (unit.captured_at - before.captured_at)
            )
            < 0.001
        )
        assert 0 <= arrived_at - unit.captured_at < PATIENCE  # the same clock


async def test_a_key_frame_comes_within_a_frame_of_the_request_with_its_parameter_sets(
    open_hub: Make,
) -> None:
    async with subscribed(open_hub(SMALL)) as subscription:
        await take(subscription, 10)
        for _ in range(3):
            subscription.request_keyframe()
            # one may be on its way already, and one being encoded
            for _ in range(3):
                unit = (await take(subscription, 1))[0]
                if unit.keyframe:
                    break
            assert unit.keyframe
            assert set(nal_types(unit.data)) >= {7, 8, 5}
            # the hub's own limit
            await take(subscription, 12)


async def test_the_bitrate_follows_without_a_key_frame(open_hub: Make) -> None:
    async with subscribed(open_hub(SMALL)) as subscription:
        for wanted in (500_000, 2_000_000):
            subscription.set_demand(EncoderDemand(wanted))
            await take(subscription, 15)
            units = await take(subscription, 30)
            sent = sum(len(unit.data) for unit in units) * 8
            assert 0.6 * wanted < sent < 1.35 * wanted, f"{sent} bit/s instead of {wanted}"
            assert not any(unit.keyframe for unit in units)


async def test_pictures_are_left_out_where_the_bitrate_is_too_low_for_all(open_hub: Make) -> None:
    options = VideoOptions(width=1280, height=720, min_bitrate=100_000, bitrate=1_000_000)
    async with subscribed(open_hub(options)) as subscription:
        subscription.set_demand(EncoderDemand(100_000))
        # how many pictures are on their way by then is the machine's affair
        for _ in range(20):
            units = await take(subscription, 10)
            ticks = (units[-1].pts - units[0].pts) / 9
            if ticks > 1.8 * VIDEO_CLOCK_RATE / 30:
                break
    assert ticks > 1.8 * VIDEO_CLOCK_RATE / 30


async def test_it_can_be_opened_again_and_again_and_gives_everything_back(open_hub: Make) -> None:
    counts = []
    for _ in range(6):
        hub = open_hub(SMALL)
        async with subscribed(hub) as subscription:
            assert (await take(subscription, 3))[0].keyframe
        await hub.close()
        gc.collect()
        counts.append((len(os.listdir("/proc/self/fd")), threading.active_count()))
    # the first opens what stays, such as libcamera's own
    assert counts[-1] == counts[1], counts


async def test_it_is_kept_warm_for_the_next_call(open_hub: Make) -> None:
    hub = open_hub(SMALL, linger=PATIENCE)
    async with subscribed(hub) as subscription:
        await take(subscription, 3)
    opened = VirtualPicamera2.opened
    async with subscribed(hub) as subscription:
        assert (await take(subscription, 1))[0].keyframe
    assert VirtualPicamera2.opened == opened


async def test_a_snapshot_is_taken_beside_the_video(open_hub: Make) -> None:
    hub = open_hub(VideoOptions(width=1280, height=720, bitrate=1_500_000))
    async with subscribed(hub) as subscription:
        await take(subscription, 10)
        jpeg, units = await asyncio.gather(hub.snapshot(36 * 1024), take(subscription, 30))
    assert len(jpeg.data) <= 36 * 1024
    with av.open(io.BytesIO(jpeg.data), "r", format="mjpeg") as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (640, 360)
    assert subscription.dropped == 0
    assert not any(unit.keyframe for unit in units)


async def test_a_snapshot_needs_no_call(open_hub: Make) -> None:
    hub = open_hub(SMALL)
    jpeg = await hub.snapshot(36 * 1024)
    assert (jpeg.width, jpeg.height) == (640, 360)


async def test_what_this_camera_cannot_do_is_named_and_the_call_goes_on(
    open_hub: Make, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = CameraOptions(
        autofocus="continuous",
        noise_reduction="off",
        region=(0, 0, 0.5, 0.5),
        controls={"Brightness": 0.5, "FaceDetectMode": "Nonsense"},
    )
    options = VideoOptions(width=640, height=360, camera=wanted)
    async with subscribed(open_hub(options)) as subscription:
        assert await take(subscription, 3)
    said = [record.message for record in caplog.records]
    for setting in (
        "autofocus",
        "noise_reduction",
        "region",
        "controls.Brightness",
        "controls.FaceDetectMode",
    ):
        assert any(f"camera.{setting} does nothing" in line for line in said), setting


@pytest.mark.parametrize("value", [1.5, [1], True])
async def test_a_value_of_another_kind_is_named_and_never_reaches_libcamera(
    open_hub: Make, caplog: pytest.LogCaptureFixture, value: object
) -> None:
    """Its binding would not survive: the process would crash at the end of the next call."""
    options = VideoOptions(
        width=640, height=360, camera=CameraOptions(controls={"FaceDetectMode": value})
    )
    async with subscribed(open_hub(options)) as subscription:
        assert await take(subscription, 1)
    assert any(
        "camera.controls.FaceDetectMode does nothing" in record.message for record in caplog.records
    )


async def test_a_control_that_the_camera_has_is_set(
    open_hub: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, object]] = []
    real = VirtualPicamera2.set_controls

    def set_controls(self: VirtualPicamera2, controls: dict[str, object]) -> None:
        given.append(controls)
        real(self, controls)

    monkeypatch.setattr(VirtualPicamera2, "set_controls", set_controls)
    options = VideoOptions(
        width=640, height=360, camera=CameraOptions(controls={"FaceDetectMode": "Off"})
    )
    async with subscribed(open_hub(options)) as subscription:
        assert await take(subscription, 3)
    assert [int(str(each["FaceDetectMode"].value)) for each in given] == [0]  # type: ignore[attr-defined]


async def test_half_a_turn_is_asked_of_libcamera(
    open_hub: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    real = VirtualPicamera2.configure

    def configure(self: VirtualPicamera2, configuration: dict[str, Any]) -> None:
        asked.append(configuration["transform"])
        real(self, configuration)

    monkeypatch.setattr(VirtualPicamera2, "configure", configure)
    options = VideoOptions(width=640, height=360, camera=CameraOptions(rotation=180))
    async with subscribed(open_hub(options)) as subscription:
        assert await take(subscription, 3)
    assert [(each.hflip, each.vflip) for each in asked] == [(1, 1)]


async def test_a_busy_camera_is_unavailable_and_serves_the_next_call(open_hub: Make) -> None:
    hub = open_hub(SMALL)
    other = VirtualPicamera2()
    try:
        with pytest.raises(MediaUnavailable, match="another program uses it"):
            await hub.subscribe()
    finally:
        other.close()
    async with subscribed(hub) as subscription:
        assert await take(subscription, 1)


async def test_a_camera_that_is_not_there_is_unavailable(open_hub: Make) -> None:
    options = VideoOptions(width=640, height=360, camera=CameraOptions(number=7))
    with pytest.raises(MediaUnavailable, match="No camera number 7"):
        await open_hub(options).subscribe()


async def test_a_size_that_the_camera_has_not_is_named(open_hub: Make) -> None:
    with pytest.raises(MediaUnavailable, match=r"video\.width"):
        await open_hub(VideoOptions(width=1000, height=600)).subscribe()


class DriverError(Exception):
    """Ends picamera2's thread, as an error in a driver does. No more pictures come, and nobody says
    why.
    """


def die() -> None:
    raise DriverError


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_camera_that_falls_silent_is_opened_anew_in_the_middle_of_a_call(
    open_hub: Make,
) -> None:
    hub = open_hub(SMALL, stall_timeout=1.0)
    async with subscribed(hub) as subscription:
        before = await take(subscription, 10)
        Stage.mishap = die
        after: list[AccessUnit] = []
        async with asyncio.timeout(PATIENCE):
            while len(after) < 15:
                after.append(await subscription.next())
    units = before + after
    assert count_decoded(units) == len(units)
    assert all(later.pts > earlier.pts for earlier, later in itertools.pairwise(units))
    gap = max(
        later.captured_at - earlier.captured_at for earlier, later in itertools.pairwise(units)
    )
    assert gap > 1.0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_camera_that_stays_silent_ends_the_call_and_is_told(
    open_hub: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[MediaError | None] = []
    hub = open_hub(SMALL, stall_timeout=0.5, reopen_timeout=2.0, on_health=said.append)
    async with subscribed(hub) as subscription:
        await take(subscription, 5)
        Stage.mishap = die
        with monkeypatch.context() as broken:
            broken.setattr(VirtualPicamera2, "global_camera_info", staticmethod(list))
            with pytest.raises(MediaEnded, match="No camera number 0"):
                await take(subscription, 99)
    assert said[0] is None
    assert "No camera" in str(said[-1])
    async with subscribed(hub) as subscription:  # plugged in again
        assert await take(subscription, 1)
    assert said[-1] is None


def test_the_project_is_not_written_to() -> None:
    """Of the place itself: what runs here sees the tree, and cannot change it."""
    with pytest.raises(OSError, match="Read-only"):
        Path("tests/camera/written").write_text("")
