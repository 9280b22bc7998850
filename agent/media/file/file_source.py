"""A file as a camera: its H.264 is passed through in a loop, with its own timing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.errors import MediaUnavailable
from agent.media.base.video_source import Fail, SourceDescription, VideoOptions
from agent.media.base.worker import Worker
from agent.media.file.clip import ClipPicture, probe_clip, read_clip
from agent.media.file.clip_check import READ_AT_ONCE, judge_beginning, judge_clip
from agent.ports import VIDEO_CLOCK_RATE, AccessUnit, VideoFormat

CACHED_FILE_SIZE = 16 << 20
"""Bytes: a file up to this size is read once and kept; a longer one is read from disk again in each
round.
"""
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
    """A `VideoSource`. It cannot make key frames or change its bitrate: a request goes back to the
    last key frame.

    Every decoder starts afresh at an IDR, so going back harms no viewer; the clock goes on.
    """

    def __init__(self, path: Path, options: VideoOptions) -> None:
        self._path = path
        self._framerate = options.framerate
        self._format = VideoFormat(options.width, options.height, options.framerate)
        self._player: Worker | TimerPlayer | None = None
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
        if cached is not None:
            self._player = TimerPlayer(self._schedule(cached), emit)
        else:
            self._player = Worker("file", lambda stopping: self._play(stopping, emit), fail)

    async def stop(self) -> None:
        player, self._player = self._player, None
        if player is not None:
            await player.stop()

    def request_keyframe(self) -> None:
        self._back.set()

    def set_bitrate(self, bitrate: int) -> None:
        """The clip was encoded before; nothing follows."""

    def _load(self) -> tuple[VideoFormat, tuple[ClipPicture, ...] | None]:
        probed = probe_clip(self._path, self._framerate)
        is_short = self._path.stat().st_size <= READ_AT_ONCE
        judged = (judge_clip if is_short else judge_beginning)(self._path, self._framerate)
        if judged.fault is not None:
            raise MediaUnavailable(judged.fault)
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

    def _play(self, stopping: threading.Event, emit: Callable[[AccessUnit], None]) -> None:
        schedule = self._schedule(None)
        while not stopping.is_set():
            unit = schedule.next()
            wait = unit.captured_at - time.monotonic()
            if wait > 0 and stopping.wait(wait):
                return
            emit(unit)

    def _schedule(self, cached: tuple[ClipPicture, ...] | None) -> Schedule:
        return Schedule(Playlist(self._rounds(cached)), self._back)


class Schedule:
    """When each picture of a playlist is due, from now on. `back`, once set, sends it back to the
    last key frame.
    """

    def __init__(self, playlist: Playlist, back: threading.Event) -> None:
        self._playlist = playlist
        self._back = back
        self._timeline = ClipTimeline()
        self._started_at = time.monotonic()

    def next(self) -> AccessUnit:
        """The next picture; it is due when it says that it was captured."""
        if self._back.is_set():
            self._back.clear()
            self._playlist.back_to_keyframe()
        picture = next(self._playlist)
        pts = self._timeline.place(picture)
        due, now = self._started_at + pts / VIDEO_CLOCK_RATE, time.monotonic()
        if due < now - _LATE:
            self._started_at += now - due
            due = now
        return AccessUnit(picture.data, picture.keyframe, pts, due)


class TimerPlayer:
    """Emits the pictures of a schedule at their time, on the event loop: a clip that is in memory
    blocks nothing.

    A thread would cost more than what it plays, as it wakes the event loop's thread for each
    picture.
    """

    def __init__(self, schedule: Schedule, emit: Callable[[AccessUnit], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._schedule = schedule
        self._emit = emit
        self._schedule_next()

    async def stop(self) -> None:
        self._timer.cancel()

    def _schedule_next(self) -> None:
        unit = self._schedule.next()
        wait = unit.captured_at - time.monotonic()
        self._timer = self._loop.call_later(max(0.0, wait), self._emit_due, unit)

    def _emit_due(self, unit: AccessUnit) -> None:
        self._schedule_next()
        self._emit(unit)


class ClipTimeline:
    """Gives pictures of a clip, played in whatever order, times (1/90000 s) that only grow."""

    def __init__(self) -> None:
        self._last: ClipPicture | None = None
        self._pts = 0

    def place(self, picture: ClipPicture) -> int:
        """The time of `picture`: its own distance from the one before, or one duration where the
        clip jumped.
        """
        if self._last is not None:
            step = picture.offset - self._last.offset
            self._pts += step if step > 0 else self._last.duration
        self._last = picture
        return self._pts
