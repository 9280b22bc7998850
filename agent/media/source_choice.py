"""How `video.source` of the settings names a source. Each is imported only where it is chosen."""

from __future__ import annotations

from pathlib import Path

from agent.errors import ConfigurationError
from agent.media.base.video_source import VideoOptions, VideoSource

SOURCES = "auto | picamera2 | pattern | file:PATH | v4l2:PATH"


def open_video_source(spec: str, options: VideoOptions) -> VideoSource:
    """The source that `spec` names, not yet started. Raises ConfigurationError for a name that is
    none.

    What the name stands for (a file, a device) is looked at only by `start()`: a camera may come
    later.
    """
    kind, _, path = spec.partition(":")
    if kind in {"file", "v4l2"} and path:
        return _open_path(kind, Path(path), options)
    if spec == "pattern":
        from agent.media.pattern.pattern_source import PatternSource

        return PatternSource(options)
    if spec == "picamera2":
        from agent.media.picamera2.picamera2_source import Picamera2Source

        return Picamera2Source(options)
    if spec == "auto":
        from agent.media.auto_source import AutoSource

        return AutoSource(options)
    raise ConfigurationError([f"video.source: {spec!r} is not one of {SOURCES}"])


def _open_path(kind: str, path: Path, options: VideoOptions) -> VideoSource:
    if kind == "file":
        from agent.media.file.file_source import FileSource

        return FileSource(path, options)
    from agent.media.v4l2.v4l2_source import V4l2Source

    return V4l2Source(path, options)
