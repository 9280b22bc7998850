"""Lets the real picamera2 run on libcamera's virtual pipeline, on a machine with no camera and no
dma-heap.

The pipeline gives NV12 at any speed, and knows next to no controls. What is put in its place: the
allocator (memfds for dma-bufs), the list of raw modes, the pace, and a picture with so much in it
that a bitrate matters.
"""

from __future__ import annotations

import mmap
import os
import random
import time
from collections.abc import Callable
from typing import Any

import libcamera
import picamera2
import picamera2.picamera2 as implementation
from picamera2 import MappedArray
from picamera2.allocators.allocator import Allocator

FRAMERATE = 30


class _Mapped:
    """picamera2's bracket around the use of a buffer. Memory needs none."""

    def __init__(self, allocator: MemoryAllocator, buffer: Any, write: bool) -> None:
        self._map = allocator.mapped_buffers[buffer]

    def __enter__(self) -> mmap.mmap:
        return self._map

    def __exit__(self, *_: object) -> None:
        return


class MemoryAllocator(Allocator):  # type: ignore[misc]
    """NV12 in memfds, both planes of a picture in one file, as picamera2 maps them."""

    def __init__(self) -> None:
        super().__init__()
        self.frame_buffers: dict[Any, list[Any]] = {}
        self.mapped_buffers: dict[Any, mmap.mmap] = {}
        self.sync = _Mapped
        self._files: list[int] = []

    def allocate(self, configuration: Any, _use_case: str) -> None:
        self.close()
        for stream in configuration:
            self.frame_buffers[stream.stream] = [
                self._buffer(stream) for _ in range(stream.buffer_count)
            ]

    def _buffer(self, stream: Any) -> Any:
        luma = stream.stride * stream.size.height
        total = stream.frame_size or luma * 3 // 2
        file = os.memfd_create("picture", os.MFD_CLOEXEC)
        os.ftruncate(file, total)
        planes = []
        for offset, length in ((0, luma), (luma, total - luma)):
            plane = libcamera.FrameBuffer.Plane()
            plane.fd, plane.offset, plane.length = file, offset, length
            planes.append(plane)
        buffer = libcamera.FrameBuffer(planes)
        self._files.append(file)
        self.mapped_buffers[buffer] = mmap.mmap(
            file, total, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE
        )
        return buffer

    def buffers(self, stream: Any) -> list[Any]:
        return self.frame_buffers[stream]

    def acquire(self, _buffers: Any) -> None:
        """Nobody else has them."""

    def release(self, _buffers: Any) -> None:
        """Nobody else wants them."""

    def close(self) -> None:
        self.frame_buffers, self.mapped_buffers = {}, {}
        files, self._files = self._files, []
        for file in files:
            os.close(file)

    def __del__(self) -> None:
        # picamera2 drops its allocator without a word
        self.close()


class Stage:
    """What happens in front of the camera: noise that moves, at `FRAMERATE`, until `mishap` is
    called instead.
    """

    mishap: Callable[[], None] | None = None
    shown = 0

    def __init__(self) -> None:
        self._noise = random.Random(1).randbytes(4 << 20)
        self._due = 0.0

    def __call__(self, request: Any) -> None:
        if Stage.mishap is not None:
            mishap, Stage.mishap = Stage.mishap, None
            mishap()
        now = time.monotonic()
        if self._due < now - 1:
            self._due = now
        time.sleep(max(0.0, self._due - now))
        self._due += 1 / FRAMERATE
        self._paint(request)
        Stage.shown += 1

    def _paint(self, request: Any) -> None:
        with MappedArray(request, "main") as mapped:
            picture = memoryview(mapped.array).cast("B")
            length = len(picture) * 2 // 3
            start = Stage.shown * 7919 % (len(self._noise) - length)
            picture[:length] = self._noise[start : start + length]


class VirtualPicamera2(implementation.Picamera2):  # type: ignore[misc]
    opened = 0

    def __init__(self, number: int = 0) -> None:
        super().__init__(number)
        VirtualPicamera2.opened += 1
        self.pre_callback = Stage()

    def _get_raw_modes(self) -> list[dict[str, Any]]:
        formats = (
            self.camera.generate_configuration([libcamera.StreamRole.VideoRecording]).at(0).formats
        )
        return [
            {"format": str(pixels), "size": (size.width, size.height)}
            for pixels in formats.pixel_formats
            for size in formats.sizes(pixels)
        ]


def install() -> None:
    """From now on whoever imports Picamera2 gets the virtual one."""
    implementation.DmaAllocator = MemoryAllocator
    picamera2.Picamera2 = VirtualPicamera2
