"""A file as a camera: its H.264 is passed through in a loop, with its own timing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.errors import MediaUnavailable
from agent.media.clip import ClipPicture, probe_clip, read_clip
from agent.media.source import Fail, SourceDescription, VideoOptions
from agent.media.worker import Worker
from agent.ports import VIDEO_CLOCK_RATE, AccessUnit, VideoFormat

CACHED_FILE_SIZE = 16 << 20
"""Bytes: a file up to this size is read once and kept; a longer one is read from disk again in each round."""
_REPLAYED_BYTES = 8 << 20
_LATE = 1.0
"""Seconds behind its time after which the clip goes on from now instead of hurrying."""


class Playlist:
    """The pictures of a clip without end, which can go back to the last key frame.

    What is remembered is at most 8 MB; where the distance is longer, going back does nothing.
    """

    def __init__(self, rounds: Iterator[ClipPicture]) -> None:
        self._rounds = rounds
        self._sent: list[ClipPicture] = []
        self._sent_bytes = 0
        self._again: Iterator[ClipPicture] = iter(())

    def __iter__(self) -> Iterator[ClipPicture]:
        return self

    def __next__(self) -> ClipPicture:
        picture = next(self._again, None)
        if picture is None:
            picture = next(self._rounds)
            self._remember(picture)
        return picture

    def back_to_keyframe(self) -> None:
        """The next picture is the last key frame once more; those after it follow as they did."""
        self._again = iter(tuple(self._sent))

    def _remember(self, picture: ClipPicture) -> None:
        if picture.keyframe:
            self._sent.clear()
            self._sent_bytes = 0
        self._sent_bytes += len(picture.data)
        if self._sent_bytes > _REPLAYED_BYTES:
            self._sent.clear()
        elif self._sent or picture.keyframe:
            self._sent.append(picture)


class FileSource:
    """A `VideoSource`. It cannot make key frames or change its bitrate: a request goes back to the last key frame.

    Every decoder starts afresh at an IDR, so going back harms no viewer; the clock goes on.
    """

    def __init__(self, path: Path, options: VideoOptions) -> None:
        self._path = path
        self._framerate = options.framerate
        self._format = VideoFormat(options.width, options.height, options.framerate)
        self._worker: Worker | None = None
        self._back = threading.Event()

    @property
    def format(self) -> VideoFormat:
        return self._format

    def describe(self) -> SourceDescription:
        return SourceDescription(camera=f"file {self._path.name}", encoder="none, passed through")

    async def start(self, emit: Callable[[AccessUnit], None], fail: Fail) -> None:
        if not self._path.is_file():
            raise MediaUnavailable(f"{self._path}: there is no such file")
        self._format, cached = await asyncio.to_thread(self._load)
        self._back.clear()
        self._worker = Worker("file", lambda stopping: self._play(stopping, cached, emit), fail)

    async def stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()

    def request_keyframe(self) -> None:
        self._back.set()

    def set_bitrate(self, bitrate: int) -> None:
        """The clip was encoded before; nothing follows."""

    def _load(self) -> tuple[VideoFormat, tuple[ClipPicture, ...] | None]:
        probed = probe_clip(self._path, self._framerate)
        if self._path.stat().st_size > CACHED_FILE_SIZE:
            return probed, None
        return probed, tuple(read_clip(self._path, self._framerate))

    def _rounds(self, cached: tuple[ClipPicture, ...] | None) -> Iterator[ClipPicture]:
        while True:
            first = True
            for picture in cached if cached is not None else read_clip(self._path, self._framerate):
                first = False
                yield picture
            if first:
                raise MediaUnavailable(f"{self._path}: is empty now")

    def _play(
        self,
        stopping: threading.Event,
        cached: tuple[ClipPicture, ...] | None,
        emit: Callable[[AccessUnit], None],
    ) -> None:
        playlist = Playlist(self._rounds(cached))
        timeline = Timeline()
        started_at = time.monotonic()
        while not stopping.is_set():
            if self._back.is_set():
                self._back.clear()
                playlist.back_to_keyframe()
            picture = next(playlist)
            pts = timeline.place(picture)
            wait = started_at + pts / VIDEO_CLOCK_RATE - time.monotonic()
            if wait < -_LATE:
                started_at -= wait
            if wait > 0 and stopping.wait(wait):
                return
            emit(AccessUnit(picture.data, picture.keyframe, pts, time.monotonic()))


class Timeline:
    """Gives pictures of a clip, played in whatever order, times (1/90000 s) that only grow."""

    def __init__(self) -> None:
        self._last: ClipPicture | None = None
        self._pts = 0

    def place(self, picture: ClipPicture) -> int:
        """The time of `picture`: its own distance from the one before, or one duration where the clip jumped."""
        if self._last is not None:
            step = picture.offset - self._last.offset
            self._pts += step if step > 0 else self._last.duration
        self._last = picture
        return self._pts
