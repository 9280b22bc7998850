from __future__ import annotations

from pathlib import Path

import av
import pytest

from agent.errors import MediaUnavailable
from agent.media.h264 import sequence_parameters
from agent.media.hub import VideoHub
from agent.media.source import VideoOptions
from agent.media.v4l2 import FrameEncoder, V4l2Source, device_options

OPTIONS = VideoOptions(width=320, height=240, framerate=25)


def test_what_ffmpeg_is_asked_for() -> None:
    assert device_options(OPTIONS, "mjpeg") == {"video_size": "320x240", "framerate": "25", "input_format": "mjpeg"}
    assert "input_format" not in device_options(OPTIONS, "")


@pytest.mark.parametrize(
    ("path", "reason"), [("/dev/video-that-is-not-there", "no such device"), ("/dev/null", "cannot capture 320x240")]
)
async def test_a_device_that_cannot_be_used_is_unavailable(path: str, reason: str) -> None:
    source = V4l2Source(Path(path), OPTIONS)
    hub = VideoHub(source, OPTIONS)
    with pytest.raises(MediaUnavailable, match=reason):
        await hub.subscribe()
    await hub.close()
    assert source.describe().camera == path


@pytest.mark.media
@pytest.mark.parametrize(("pix_fmt", "width", "height"), [("yuyv422", 320, 240), ("yuvj422p", 640, 480)])
def test_pictures_as_webcams_give_them_are_encoded(pix_fmt: str, width: int, height: int) -> None:
    """The path of a real camera's pictures after decoding; the camera itself is not there."""
    encoder = FrameEncoder(OPTIONS)
    units = [
        unit
        for number in range(4)
        for unit in encoder.encode(
            av.VideoFrame(width, height, pix_fmt), pts=number * 3600, captured_at=0.0, force_idr=number == 2
        )
    ]
    assert [unit.keyframe for unit in units] == [True, False, True, False]
    found = sequence_parameters(units[0].data)
    assert found is not None
    assert (found.width, found.height) == (320, 240)
    assert found.profile_level_id == V4l2Source(Path("/dev/video0"), OPTIONS).format.profile_level_id
