"""A webcam through V4L2: its own H.264 passed through where it makes any, else encoded with
libx264.

Not tried on hardware by the project: the tests run the encoding path with pictures made by hand and
the error paths. A camera with H.264 inside starts at its own pace with key frames: it cannot be
asked for one, nor for a bitrate.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import av
import av.container
import av.error
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from agent.errors import MediaUnavailable
from agent.h264.annexb import is_keyframe
from agent.h264.parameter_sets import ParameterSets, has_picture, sequence_parameters
from agent.media.base.video_source import Fail, SourceDescription, VideoOptions
from agent.media.base.worker import Worker
from agent.media.base.x264 import X264Encoder
from agent.ports import VIDEO_CLOCK_RATE, AccessUnit, VideoFormat

logger = logging.getLogger(__name__)

INPUT_FORMATS = ("h264", "mjpeg", "")
"""What is asked for, in this order; the last is whatever the camera likes best, mostly YUYV."""
_OPEN_TIMEOUT = 5.0
_READ_TIMEOUT = 2.0
_PACKETS_UNTIL_SPS = 150

Packet: TypeAlias = "av.Packet[VideoStream]"


def device_options(options: VideoOptions, input_format: str) -> dict[str, str]:
    """FFmpeg's options for the input device `v4l2`."""
    wanted = {
        "video_size": f"{options.width}x{options.height}",
        "framerate": f"{options.framerate:g}",
    }
    return wanted | ({"input_format": input_format} if input_format else {})


def open_device(path: Path, options: VideoOptions) -> av.container.InputContainer:
    """The camera, opened with the first format that it knows. Raises MediaUnavailable."""
    if not path.exists():
        raise MediaUnavailable(
            f"{path}: there is no such device; plug the camera in, or name another one"
        )
    reason = ""
    for input_format in INPUT_FORMATS:
        try:
            return av.open(
                str(path),
                "r",
                format="v4l2",
                options=device_options(options, input_format),
                timeout=(_OPEN_TIMEOUT, _READ_TIMEOUT),
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
    raise MediaUnavailable(f"{path}: cannot capture {options.width}x{options.height}: {reason}")


def decoded(packets: Iterable[Packet], decoder: VideoCodecContext) -> Iterator[av.VideoFrame]:
    """The pictures in `packets`. One that came damaged, as cables and hubs let them, is left
    out.
    """
    for packet in packets:
        # how FFmpeg hands over what the driver says is damaged; a decoder takes it for the end
        if not packet.size:
            continue
        try:
            yield from decoder.decode(packet)
        except av.error.InvalidDataError as error:
            logger.debug("a picture came damaged: %s", error)
    yield from decoder.decode(None)


class FrameEncoder:
    """Decoded pictures of any size and pixel format in, access units of the wanted size out."""

    def __init__(self, options: VideoOptions) -> None:
        self._options = options
        self._encoder = X264Encoder(
            options.width, options.height, options.framerate, options.bitrate, options.max_bitrate
        )
        self.set_bitrate = self._encoder.set_bitrate

    def encode(
        self, frame: av.VideoFrame, *, pts: int, captured_at: float, force_idr: bool
    ) -> list[AccessUnit]:
        picture = frame.reformat(
            width=self._options.width, height=self._options.height, format="yuv420p"
        )
        return self._encoder.encode(picture, pts=pts, captured_at=captured_at, force_idr=force_idr)


class V4l2Source:
    """A `VideoSource` on `/dev/video*`."""

    def __init__(self, path: Path, options: VideoOptions) -> None:
        self._path = path
        self._options = options
        self._format = options.format
        self._passes_through = False
        self._worker: Worker | None = None
        self._keyframe_wanted = threading.Event()
        self._bitrate = options.bitrate
        self._divisor = 1
        self._last_frame: av.VideoFrame | None = None

    @property
    def format(self) -> VideoFormat:
        return self._format

    def describe(self) -> SourceDescription:
        return SourceDescription(
            str(self._path), "in the camera" if self._passes_through else "libx264"
        )

    async def start(self, emit: Callable[[AccessUnit], None], fail: Fail) -> None:
        container = await asyncio.to_thread(open_device, self._path, self._options)
        stream = next(iter(container.streams.video), None)
        if stream is None:
            container.close()
            raise MediaUnavailable(f"{self._path}: gives no pictures")
        self._passes_through = stream.codec_context.name == "h264"
        self._bitrate = self._options.bitrate
        self._divisor = 1
        self._keyframe_wanted.clear()
        if self._passes_through:
            first = await asyncio.to_thread(self._read_format, container, stream)
            packets = chain(first, container.demux(stream))
            self._run(container, lambda stopping: self._pass_through(stopping, packets, emit), fail)
        else:
            frames = decoded(container.demux(stream), stream.codec_context)
            self._run(container, lambda stopping: self._encode(stopping, frames, emit), fail)

    async def stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()
        self._last_frame = None

    def request_keyframe(self) -> None:
        self._keyframe_wanted.set()

    def set_bitrate(self, bitrate: int) -> None:
        self._bitrate = bitrate

    def divide_framerate(self, divisor: int) -> None:
        """What a camera encodes itself comes at its own rate."""
        self._divisor = divisor

    def take_still(self) -> av.VideoFrame | None:
        return self._last_frame

    def _run(
        self,
        container: av.container.InputContainer,
        body: Callable[[threading.Event], None],
        fail: Fail,
    ) -> None:
        def read(stopping: threading.Event) -> None:
            # Closed by the thread that reads, and by no other: FFmpeg waits for a camera that has
            # fallen silent for as long as that takes, and closing what a thread is in kills the
            # process.
            with container:
                body(stopping)

        self._worker = Worker(f"v4l2 {self._path}", read, fail)

    def _read_format(
        self, container: av.container.InputContainer, stream: VideoStream
    ) -> list[Packet]:
        """Set the format from what the camera sends, and return what was read for it. On failure it
        is closed.
        """
        try:
            return self._read_until_sps(container, stream)
        except BaseException:
            container.close()
            raise

    def _read_until_sps(
        self, container: av.container.InputContainer, stream: VideoStream
    ) -> list[Packet]:
        read: list[Packet] = []
        for packet in container.demux(stream):
            read.append(packet)
            try:
                found = sequence_parameters(bytes(packet))
            except ValueError as error:
                raise MediaUnavailable(f"{self._path}: {error}") from error
            if found is not None:
                self._format = VideoFormat(
                    found.width, found.height, self._options.framerate, found.profile_level_id
                )
                return read
            if len(read) == _PACKETS_UNTIL_SPS:
                break
        raise MediaUnavailable(f"{self._path}: its H.264 has no sequence parameter set")

    def _pass_through(
        self,
        stopping: threading.Event,
        packets: Iterable[Packet],
        emit: Callable[[AccessUnit], None],
    ) -> None:
        sets = ParameterSets()
        started_at = time.monotonic()
        # a camera may have been encoding for long, and viewers go on from an earlier start
        begun = False
        for packet in packets:
            if stopping.is_set():
                return
            data = sets.complete(bytes(packet))
            keyframe = is_keyframe(data)
            begun = begun or keyframe
            if begun and has_picture(data):
                now = time.monotonic()
                emit(AccessUnit(data, keyframe, round((now - started_at) * VIDEO_CLOCK_RATE), now))
        raise MediaUnavailable(f"{self._path}: gives no more pictures")

    def _encode(
        self,
        stopping: threading.Event,
        frames: Iterable[av.VideoFrame],
        emit: Callable[[AccessUnit], None],
    ) -> None:
        encoder = FrameEncoder(self._options)
        started_at = time.monotonic()
        for number, frame in enumerate(frames):
            if stopping.is_set():
                return
            self._last_frame = frame
            if number % self._divisor:
                continue
            now = time.monotonic()
            encoder.set_bitrate(self._bitrate)
            force_idr = self._keyframe_wanted.is_set()
            if force_idr:
                self._keyframe_wanted.clear()
            pts = round((now - started_at) * VIDEO_CLOCK_RATE)
            for unit in encoder.encode(frame, pts=pts, captured_at=now, force_idr=force_idr):
                emit(unit)
        raise MediaUnavailable(f"{self._path}: gives no more pictures")
