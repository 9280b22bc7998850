"""The settings of the camera and its encoder."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from agent.media.base.camera_options import CameraOptions
from agent.media.base.video_settings import VideoSettings, check_video_source
from agent.media.base.video_source import VideoOptions


@pytest.mark.parametrize("source", ["auto", "picamera2", "pattern", "file:/a", "v4l2:/dev/video0"])
def test_check_video_source_of_a_source(source: str) -> None:
    assert check_video_source(source) == source


@pytest.mark.parametrize("source", ["", "file:", "v4l2:", "webcam", "file:a\nb"])
def test_check_video_source_of_anything_else(source: str) -> None:
    with pytest.raises(ValueError, match="is not auto"):
        check_video_source(source)


@pytest.mark.parametrize(
    "bitrates", [{"min_bitrate": 3_000_000}, {"max_bitrate": 60_000}, {"bitrate": 100_000}]
)
def test_bitrates_out_of_order_are_refused(bitrates: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        VideoSettings.model_validate(bitrates)


def test_video_options_are_as_set() -> None:
    settings = VideoSettings(width=640, height=480, linger=0)
    options = VideoOptions.of(settings, CameraOptions(number=1), "door-1")
    assert (options.width, options.height, options.linger) == (640, 480, 0)
    assert (options.uid, options.camera.number) == ("door-1", 1)
