"""What a device says that it is."""

from __future__ import annotations

from agent import __version__
from agent.device.about import about
from agent.media.pattern.pattern_source import PatternSource
from agent.media.video_hub import VideoHub
from agent.media.video_source import VideoOptions
from agent.settings import Settings


async def test_about_tells_size_camera_and_verbs() -> None:
    settings = Settings.model_validate({"uid": "door-1", "video": {"width": 640, "height": 360}})
    options = VideoOptions.of(settings.video, settings.camera, settings.uid)
    said = about(settings, VideoHub(PatternSource(options), options), ("close", "mute"))
    assert (said.uid, said.version) == ("door-1", __version__)
    assert (said.max_width, said.max_height, said.max_framerate) == (640, 360, 30)
    assert said.commands == ("close", "mute")
    assert said.camera is not None
