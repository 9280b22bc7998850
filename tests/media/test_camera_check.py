"""Looking for a camera without opening it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.media.base.video_source import VideoOptions
from agent.media.camera_check import find_fault
from tests.media.clips import write_clip

OPTIONS = VideoOptions()


def test_find_fault_of_the_pattern_is_none() -> None:
    assert find_fault("pattern", OPTIONS) is None


@pytest.mark.media
def test_find_fault_of_a_file(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    assert find_fault(f"file:{clip}", OPTIONS) == f"{clip} cannot be read"
    clip.touch()
    assert "cannot be read as video" in (find_fault(f"file:{clip}", OPTIONS) or "")
    write_clip(clip)
    assert find_fault(f"file:{clip}", OPTIONS) is None
    write_clip(clip, b_frames=2)
    assert "B-frames" in (find_fault(f"file:{clip}", OPTIONS) or "")


def test_find_fault_of_a_device_that_is_no_camera() -> None:
    assert find_fault("v4l2:/dev/null", OPTIONS) == "/dev/null is no camera, or may not be opened"
