"""Looking for a camera without opening it."""

from __future__ import annotations

from pathlib import Path

from agent.device.camera_check import find_fault
from agent.media.video_source import VideoOptions

OPTIONS = VideoOptions()


def test_pattern_is_always_there() -> None:
    assert find_fault("pattern", OPTIONS) is None


def test_file(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    assert find_fault(f"file:{clip}", OPTIONS) == f"{clip} cannot be read"
    clip.touch()
    assert find_fault(f"file:{clip}", OPTIONS) is None


def test_device_that_is_no_camera() -> None:
    assert find_fault("v4l2:/dev/null", OPTIONS) == "/dev/null is no camera, or may not be opened"
