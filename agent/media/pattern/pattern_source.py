"""The test pattern as a camera: drawn, encoded and paced in one thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import av

from agent.errors import MediaUnavailable
from agent.media.base.video_source import Fail, SourceDescription, VideoOptions
from agent.media.base.worker import Ticker, Worker
from agent.media.base.x264 import X264Encoder
from agent.media.pattern.picture import PatternPicture
from agent.media.pattern.timecode import CELLS, HEIGHT
from agent.ports import VIDEO_CLOCK_RATE, AccessUnit, VideoFormat

_SMALLEST_WIDTH = 2 * CELLS
_SMALLEST_HEIGHT = 4 * HEIGHT


class PatternSource:
    """A `VideoSource` that needs no camera (INTERFACE.md, the test pattern)."""

    def __init__(self, options: VideoOptions) -> None:
        self._options = options
        self._worker: Worker | None = None
        self._keyframe_wanted = threading.Event()
        self._bitrate = options.bitrate
        self._divisor = 1
        self._frame_number = 0

    @property
    def format(self) -> VideoFormat:
        return self._options.format

    def describe(self) -> SourceDescription:
        return SourceDescription(camera="test pattern", encoder="libx264")

    async def start(self, emit: Callable[[AccessUnit], None], fail: Fail) -> None:
        wanted = self._options
        if (
            wanted.width < _SMALLEST_WIDTH
            or wanted.height < _SMALLEST_HEIGHT
            or wanted.width % 2
            or wanted.height % 2
        ):
            raise MediaUnavailable(
                f"the test pattern needs even sizes from {_SMALLEST_WIDTH}x{_SMALLEST_HEIGHT} on, "
                f"not {wanted.width}x{wanted.height}"
            )
        self._bitrate = wanted.bitrate
        self._divisor = 1
        self._keyframe_wanted.clear()
        encoder = X264Encoder(
            wanted.width, wanted.height, wanted.framerate, wanted.bitrate, wanted.max_bitrate
        )
        self._worker = Worker(
            "pattern", lambda stopping: self._produce(stopping, encoder, emit), fail
        )

    async def stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()

    def request_keyframe(self) -> None:
        self._keyframe_wanted.set()

    def set_bitrate(self, bitrate: int) -> None:
        self._bitrate = bitrate

    def divide_framerate(self, divisor: int) -> None:
        self._divisor = divisor

    def take_still(self) -> av.VideoFrame | None:
        picture = PatternPicture(self._options.width, self._options.height, self._options.uid)
        picture.draw(time.time_ns() // 1_000_000, self._frame_number)
        return picture.frame

    def _produce(
        self, stopping: threading.Event, encoder: X264Encoder, emit: Callable[[AccessUnit], None]
    ) -> None:
        picture = PatternPicture(self._options.width, self._options.height, self._options.uid)
        ticker = Ticker(1 / self._options.framerate)
        started_at = time.monotonic()
        frame_number = 0
        bitrate = self._options.bitrate
        while not stopping.is_set():
            captured_at = time.monotonic()
            picture.draw(time.time_ns() // 1_000_000, frame_number)
            if bitrate != self._bitrate:
                bitrate = self._bitrate
                encoder.set_bitrate(bitrate)
            force_idr = self._keyframe_wanted.is_set()
            if force_idr:
                self._keyframe_wanted.clear()
            pts = round((captured_at - started_at) * VIDEO_CLOCK_RATE)
            for unit in encoder.encode(
                picture.frame, pts=pts, captured_at=captured_at, force_idr=force_idr
            ):
                emit(unit)
            frame_number += 1
            self._frame_number = frame_number
            for _ in range(self._divisor):
                stopping.wait(ticker.next_wait())
