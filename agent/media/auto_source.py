"""`video.source = "auto"`: the Pi's camera, else the first webcam, looked for again at each
start.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import logging
import os
import struct
from collections.abc import Callable
from pathlib import Path

import av

from agent.errors import MediaUnavailable
from agent.media.base.video_source import (
    Fail,
    FramerateControl,
    SourceDescription,
    VideoOptions,
    VideoSource,
)
from agent.media.picamera2.picamera2_source import Picamera2Source, camera_models
from agent.media.still import StillSource
from agent.media.v4l2.v4l2_source import V4l2Source
from agent.ports import AccessUnit, VideoFormat

logger = logging.getLogger(__name__)

_VIDIOC_QUERYCAP = 0x80685600
_CAPABILITY = struct.Struct("=16s32s32sIII12x")
_VIDEO_CAPTURE = 0x00000001
_DEVICE_CAPABILITIES = 0x80000000
# The Pi's own receivers: their pictures are raw sensor data, of use to libcamera alone.
_RAW_DRIVERS = ("unicam", "rp1-cfe", "bcm2835-isp", "pispbe")

NOTHING_FOUND = (
    "no camera: picamera2 finds none, and no /dev/video* captures; plug one in, or set "
    "video.source to pattern, "
    "file:PATH or v4l2:PATH"
)


class AutoSource:
    """A `VideoSource` that stands for the first camera found."""

    def __init__(
        self, options: VideoOptions, find: Callable[[VideoOptions], VideoSource] | None = None
    ) -> None:
        self._options = options
        self._find = find or find_camera
        self._found: VideoSource | None = None

    @property
    def format(self) -> VideoFormat:
        return self._found.format if self._found is not None else self._options.format

    def describe(self) -> SourceDescription:
        """Before the first start nothing has been looked for."""
        return (
            self._found.describe() if self._found is not None else SourceDescription("auto", "auto")
        )

    async def start(self, emit: Callable[[AccessUnit], None], fail: Fail) -> None:
        self._found = await asyncio.to_thread(self._find, self._options)
        logger.info("camera found: %s", self._found.describe().camera)
        await self._found.start(emit, fail)

    async def stop(self) -> None:
        if self._found is not None:
            await self._found.stop()

    def request_keyframe(self) -> None:
        if self._found is not None:
            self._found.request_keyframe()

    def set_bitrate(self, bitrate: int) -> None:
        if self._found is not None:
            self._found.set_bitrate(bitrate)

    def divide_framerate(self, divisor: int) -> None:
        if isinstance(self._found, FramerateControl):
            self._found.divide_framerate(divisor)

    def take_still(self) -> av.VideoFrame | None:
        return self._found.take_still() if isinstance(self._found, StillSource) else None


def find_camera(options: VideoOptions) -> VideoSource:
    """The source to use on this machine. Raises MediaUnavailable where there is none. Blocks."""
    if importlib.util.find_spec("picamera2") is not None and camera_models():
        return Picamera2Source(options)
    for path in sorted(Path("/dev").glob("video*"), key=_number):
        if captures(path):
            return V4l2Source(path, options)
    raise MediaUnavailable(NOTHING_FOUND)


def captures(path: Path) -> bool:
    """The device answers V4L2's QUERYCAP as a camera whose pictures a program can use."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        logger.debug("%s: %s", path, error)
        return False
    answer = bytearray(_CAPABILITY.size)
    try:
        fcntl.ioctl(descriptor, _VIDIOC_QUERYCAP, answer)
    except OSError as error:
        logger.debug("%s: %s", path, error)
        return False
    finally:
        os.close(descriptor)
    return is_camera(bytes(answer))


def is_camera(capability: bytes) -> bool:
    """Judge a `struct v4l2_capability`: captures pictures, and not as a raw receiver or a codec."""
    driver, _card, _bus, _version, of_driver, of_device = _CAPABILITY.unpack(capability)
    flags = of_device if of_driver & _DEVICE_CAPABILITIES else of_driver
    name = driver.rstrip(b"\0").decode("ascii", "replace")
    return bool(flags & _VIDEO_CAPTURE) and not name.startswith(_RAW_DRIVERS)


def _number(path: Path) -> int:
    digits = path.name.removeprefix("video")
    return int(digits) if digits.isdigit() else 1 << 30
