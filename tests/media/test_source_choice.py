"""How the settings name a source."""

from __future__ import annotations

import pytest

from agent.errors import ConfigurationError
from agent.media.auto_source import AutoSource
from agent.media.base.video_source import VideoOptions
from agent.media.file.file_source import FileSource
from agent.media.pattern.pattern_source import PatternSource
from agent.media.picamera2.picamera2_source import Picamera2Source
from agent.media.source_choice import open_video_source
from agent.media.v4l2.v4l2_source import V4l2Source

OPTIONS = VideoOptions()


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("auto", AutoSource),
        ("picamera2", Picamera2Source),
        ("pattern", PatternSource),
        ("file:clip.mp4", FileSource),
        ("file:C:/with:colons.mp4", FileSource),
        ("v4l2:/dev/video2", V4l2Source),
    ],
)
def test_open_video_source_by_name(spec: str, kind: type) -> None:
    assert isinstance(open_video_source(spec, OPTIONS), kind)


@pytest.mark.parametrize(
    "spec", ["", "file:", "v4l2:", "file", "camera", "pattern:blue", "http://x"]
)
def test_open_video_source_refuses_a_name_that_is_none(spec: str) -> None:
    with pytest.raises(ConfigurationError, match=r"video\.source"):
        open_video_source(spec, OPTIONS)
