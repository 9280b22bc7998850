"""picamera2's own H264Encoder, as on a Pi 4, on a stand-in for its device file. The firmware is not
there.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import av
import pytest
import videodev2 as v4l2

from agent.core.rate.encoder_demand import EncoderDemand
from agent.h264.parameter_sets import nal_types, sequence_parameters
from agent.media.base.video_source import VideoOptions
from agent.media.keyframe_limiter import BURST, MIN_INTERVAL
from agent.media.video_hub import VideoHub
from agent.ports import VIDEO_CLOCK_RATE
from tests.camera.inside import v4l2_stand_in
from tests.camera.inside.fixtures import subscribed, take
from tests.camera.inside.v4l2_stand_in import StandIn

Make = Callable[..., VideoHub]
OPTIONS = VideoOptions(
    width=640, height=360, bitrate=800_000, min_bitrate=50_000, max_bitrate=3_000_000
)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    v4l2_stand_in.install(monkeypatch)


async def test_it_is_set_up_for_a_live_call_on_a_stand_in_for_the_v4l2_encoder(
    open_hub: Make,
) -> None:
    hub = open_hub(OPTIONS)
    async with subscribed(hub) as subscription:
        units = await take(subscription, 45)
    device = StandIn.opened[-1]
    assert device.values(v4l2.V4L2_CID_MPEG_VIDEO_BITRATE) == [800_000]
    assert device.values(v4l2.V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER) == [1]
    constrained = v4l2.V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE
    assert device.values(v4l2.V4L2_CID_MPEG_VIDEO_H264_PROFILE) == [constrained]
    assert hub.describe().encoder == "V4L2 H.264"
    # The level is the encoder's own choice, not the one that we would have made: the stream is
    # asked.
    found = sequence_parameters(units[0].data)
    assert found is not None
    assert (found.profile_level_id, subscription.format.profile_level_id) == ("42c028", "42e028")
    decoder = av.CodecContext.create("h264", "r")
    frames = sum(len(decoder.decode(av.Packet(unit.data))) for unit in units) + len(
        decoder.decode(None)
    )
    assert (frames, subscription.dropped) == (45, 0)


async def test_a_key_frame_comes_with_the_next_picture_on_a_stand_in_for_the_v4l2_encoder(
    open_hub: Make,
) -> None:
    async with subscribed(open_hub(OPTIONS)) as subscription:
        await take(subscription, 10)
        subscription.request_keyframe()
        units = await take(subscription, 4)
        key = [number for number, unit in enumerate(units) if unit.keyframe]
        assert len(key) == 1
        assert key[0] <= 2
        assert set(nal_types(units[key[0]].data)) >= {7, 8, 5}


async def test_a_storm_of_requests_is_few_key_frames_on_a_stand_in_for_the_v4l2_encoder(
    open_hub: Make,
) -> None:
    async with subscribed(open_hub(OPTIONS)) as subscription:
        await take(subscription, 5)
        started_at = time.monotonic()
        for _ in range(30):
            for _ in range(7):
                subscription.request_keyframe()
            await take(subscription, 1)
        seconds = time.monotonic() - started_at
    forced = StandIn.opened[-1].values(v4l2.V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME)
    # one may be held at the end
    assert BURST <= len(forced) <= seconds / MIN_INTERVAL + BURST + 1


async def test_the_bitrate_moves_while_it_runs_on_a_stand_in_for_the_v4l2_encoder(
    open_hub: Make,
) -> None:
    async with subscribed(open_hub(OPTIONS)) as subscription:
        sent = []
        for wanted in (500_000, 1_500_000):
            subscription.set_demand(EncoderDemand(wanted))
            await take(subscription, 15)
            sent.append(sum(len(unit.data) for unit in await take(subscription, 20)))
        assert sent[1] > 1.5 * sent[0]
        # all between two pictures
        for wanted in range(900_000, 1_000_000, 1000):
            subscription.set_demand(EncoderDemand(wanted))
        subscription.set_demand(EncoderDemand(50_000))
        await take(subscription, 3)
    assert len(StandIn.opened) == 1, "the encoder was rebuilt"
    given = StandIn.opened[0].values(v4l2.V4L2_CID_MPEG_VIDEO_BITRATE)
    assert given[:3] == [800_000, 500_000, 1_500_000]
    # below it the firmware was seen to hang
    assert given[-1] == 150_000
    assert len(given) <= 5


async def test_pictures_are_left_out_below_the_minimum_on_a_stand_in_for_the_v4l2_encoder(
    open_hub: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async with subscribed(open_hub(OPTIONS)) as subscription:
        await take(subscription, 5)
        subscription.set_demand(EncoderDemand(OPTIONS.min_bitrate, 2))
        await take(subscription, 10)
        units = await take(subscription, 10)
    assert (units[-1].pts - units[0].pts) / 9 > 1.8 * VIDEO_CLOCK_RATE / 30
    assert StandIn.opened[-1].values(v4l2.V4L2_CID_MPEG_VIDEO_BITRATE)[-1] == 150_000
    assert any("video.min_bitrate is 50000" in record.message for record in caplog.records)


async def test_it_can_be_opened_again_and_again_on_a_stand_in_for_the_v4l2_encoder(
    open_hub: Make,
) -> None:
    for _ in range(6):
        hub = open_hub(OPTIONS)
        async with subscribed(hub) as subscription:
            assert (await take(subscription, 3))[0].keyframe
        await hub.close()
    assert len(StandIn.opened) == 6
    assert all(device.closed for device in StandIn.opened)
