"""What of a clip no browser shows, and what not every one does: found before the first call.

The whole file is read, and one picture is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import av.error

from agent.errors import MediaUnavailable
from agent.h264.picture_limits import limit_fault
from agent.media.file.clip import open_clip, probe_clip, read_clip

READ_AT_ONCE = 64 << 20
"""Bytes: a call waits for a clip of this size to be judged, and of a longer one for its
beginning.
"""


@dataclass(frozen=True, slots=True)
class ClipJudgement:
    """`fault` keeps every browser from showing it as it is; each of `warnings` some."""

    fault: str | None = None
    warnings: tuple[str, ...] = ()


def judge_clip(path: Path, framerate: float) -> ClipJudgement:
    """Blocks for as long as the file takes to be read; once for each file as it is."""
    try:
        now = path.stat()
    except OSError as error:
        return ClipJudgement(f"{path}: cannot be read: {error.strerror}")
    return _judge(path, framerate, (now.st_dev, now.st_ino, now.st_mtime_ns, now.st_size))


@lru_cache(maxsize=4)
def _judge(path: Path, framerate: float, _signature: tuple[int, ...]) -> ClipJudgement:
    try:
        with closing(read_clip(path, framerate)) as pictures:
            for _ in pictures:
                pass
    except MediaUnavailable as error:
        return ClipJudgement(str(error))
    return judge_beginning(path, framerate)


def judge_beginning(path: Path, framerate: float) -> ClipJudgement:
    """By its header and its first picture, which takes the same time for a file of any size."""
    try:
        found = probe_clip(path, framerate)
        rotation, warnings = _look(path, framerate)
    except MediaUnavailable as error:
        return ClipJudgement(str(error))
    if too_large := limit_fault(found.width, found.height, found.framerate):
        return ClipJudgement(f"{path}: {too_large}", warnings)
    if rotation:
        fault = f"{path}: its header turns it by {rotation} degrees, which a call cannot carry"
        return ClipJudgement(f"{fault}; encode it turned (ffmpeg does, with -bf 0)", warnings)
    return ClipJudgement(None, warnings)


def _look(path: Path, framerate: float) -> tuple[int, tuple[str, ...]]:
    """Rotation in degrees, and what some browsers do not show. Raises MediaUnavailable."""
    try:
        with open_clip(path, framerate) as container:
            frame = next(container.decode(video=0), None)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaUnavailable(f"{path}: cannot be decoded: {error}") from error
    if frame is None:
        return 0, ()
    return abs(round(frame.rotation)), tuple(f"{path}: {each}" for each in _oddities(frame))


def _oddities(frame: av.VideoFrame) -> Iterator[str]:
    some = "Chromium shows it, and other browsers may not"
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        yield f"its pictures are {frame.format.name}, not 8 bit 4:2:0; {some}"
    if frame.interlaced_frame:
        yield f"it is interlaced; {some}"
