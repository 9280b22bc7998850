"""Is there a camera? Asked at the start and without opening it: no light goes on, and nobody is
filmed.
"""

from __future__ import annotations

import os
from pathlib import Path

from agent.errors import MediaUnavailable
from agent.media.auto_source import captures, find_camera
from agent.media.base.video_source import VideoOptions
from agent.media.picamera2.picamera2_source import camera_models


def find_fault(source: str, options: VideoOptions) -> str | None:
    """What is wrong with `video.source`, in words; None where it should work. Blocks: run it in a
    thread.
    """
    kind, _, path = source.partition(":")
    if kind == "file":
        if not os.access(path, os.R_OK):
            return f"{path} cannot be read"
        # it loads PyAV, which a device without a clip does not need at its start
        from agent.media.file.clip_check import judge_clip

        return judge_clip(Path(path), options.framerate).fault
    if kind == "v4l2":
        return None if captures(Path(path)) else f"{path} is no camera, or may not be opened"
    if source == "picamera2":
        return _picamera2_fault(options.camera.number)
    if source == "auto":
        try:
            find_camera(options)
        except MediaUnavailable:
            return "none found"
    return None


def _picamera2_fault(number: int) -> str | None:
    try:
        count = len(camera_models())
    except MediaUnavailable as error:
        return str(error)
    if not count:
        return "picamera2 finds none"
    return (
        None
        if number < count
        else f"camera.number is {number}, and the last one has number {count - 1}"
    )
