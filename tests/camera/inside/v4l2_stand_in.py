"""A stand-in for the Pi's H.264 encoder, /dev/video11, under picamera2's own V4L2Encoder class.

What that class sees of the kernel (open, ioctl, poll, mmap) is replaced, and libx264 makes the
bytes. So its buffers, its threads and the controls that we send are real; the firmware's behavior
is not.
"""

from __future__ import annotations

import mmap
import os
import select
import threading
import time
from collections import deque
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import av
import picamera2.encoders.v4l2_encoder as implementation
import pytest
import videodev2 as v4l2
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from agent.media.picamera2 import picamera2_encoders, picamera2_source

BUFFER_SIZE = 512 << 10
MAX_BITRATE = 25_000_000  # the firmware's own
PICTURES, BYTES = v4l2.V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, v4l2.V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE


class StandIn:
    """One open file of the encoder: pictures in as dma-bufs, H.264 out through mapped buffers."""

    opened: list[StandIn] = []  # noqa: RUF012 - all of them, in order

    def __init__(self, *_: object, **__: object) -> None:
        self.controls: list[tuple[int, int]] = []
        self.closed = False
        self.lock = threading.Lock()
        self.done_pictures: deque[int] = deque()
        self.done_bytes: deque[tuple[int, int, bool, int]] = deque()
        self._event = os.eventfd(0, os.EFD_NONBLOCK)
        self._free: deque[int] = deque()
        self._memory: dict[int, mmap.mmap] = {}
        self._size = (0, 0)
        self._bitrate = 10_000_000
        self._force_idr = False
        self._encoder: VideoCodecContext | None = None
        StandIn.opened.append(self)

    def fileno(self) -> int:
        return self._event

    def close(self) -> None:
        self.closed = True
        os.close(self._event)

    def values(self, control: int) -> list[int]:
        """What this control was set to, in order."""
        return [value for name, value in self.controls if name == control]

    def map(self, length: int, offset: int) -> mmap.mmap:
        self._memory[offset // BUFFER_SIZE] = memory = mmap.mmap(-1, length)
        return memory

    def ioctl(self, request: int, argument: Any) -> int:
        request &= 0xFFFFFFFF
        with self.lock:
            if request == v4l2.VIDIOC_S_CTRL & 0xFFFFFFFF:
                self._set(argument.id, argument.value)
            elif request == v4l2.VIDIOC_S_EXT_CTRLS & 0xFFFFFFFF:
                for index in range(argument.count):
                    self._set(argument.controls[index].id, argument.controls[index].value)
            elif request == v4l2.VIDIOC_S_FMT & 0xFFFFFFFF:
                self._size = (argument.fmt.pix_mp.width, argument.fmt.pix_mp.height)
            elif request == v4l2.VIDIOC_QUERYBUF & 0xFFFFFFFF:
                argument.m.planes[0].length = BUFFER_SIZE
                argument.m.planes[0].m.mem_offset = argument.index * BUFFER_SIZE
            elif request == v4l2.VIDIOC_QBUF & 0xFFFFFFFF:
                self._free.append(argument.index) if argument.type == BYTES else self._encode(
                    argument
                )
            elif request == v4l2.VIDIOC_DQBUF & 0xFFFFFFFF:
                self._give_back(argument)
        return 0

    def _set(self, control: int, value: int) -> None:
        self.controls.append((control, value))
        if control == v4l2.V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME:
            self._force_idr = True
        elif control == v4l2.V4L2_CID_MPEG_VIDEO_BITRATE:
            self._bitrate = value
            if self._encoder is not None:
                self._encoder.bit_rate = value

    def _give_back(self, argument: Any) -> None:
        if argument.type == PICTURES:
            argument.index = self.done_pictures.popleft()
            return
        index, used, keyframe, timestamp = self.done_bytes.popleft()
        argument.index, argument.flags = index, v4l2.V4L2_BUF_FLAG_KEYFRAME if keyframe else 0
        argument.m.planes[0].bytesused, argument.m.planes[0].length = used, BUFFER_SIZE
        argument.timestamp.tv_sec, argument.timestamp.tv_usec = divmod(timestamp, 1_000_000)

    def _encode(self, argument: Any) -> None:
        plane = argument.m.planes[0]
        frame = av.VideoFrame(*self._size, "nv12")
        with mmap.mmap(plane.m.fd, plane.length, mmap.MAP_SHARED, mmap.PROT_READ) as picture:
            luma = self._size[0] * self._size[1]
            frame.planes[0].update(picture[:luma])
            frame.planes[1].update(picture[luma : luma * 3 // 2])
        frame.pts = argument.timestamp.tv_sec * 1_000_000 + argument.timestamp.tv_usec
        frame.time_base = Fraction(1, 1_000_000)
        frame.pict_type = PictureType.I if self._force_idr else PictureType.NONE
        self._force_idr = False
        self.done_pictures.append(argument.index)
        self._encoder = self._encoder or self._open_encoder()
        for packet in self._encoder.encode(frame.reformat(format="yuv420p")):
            index, data = self._free.popleft(), bytes(packet)
            self._memory[index][: len(data)] = data
            self.done_bytes.append((index, len(data), packet.is_keyframe, packet.pts or 0))

    def _open_encoder(self) -> VideoCodecContext:
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = *self._size, "yuv420p"
        encoder.time_base, encoder.framerate = Fraction(1, 1_000_000), Fraction(30)
        encoder.gop_size = max(self.values(v4l2.V4L2_CID_MPEG_VIDEO_H264_I_PERIOD), default=60)
        encoder.bit_rate = MAX_BITRATE
        rate = {"maxrate": str(MAX_BITRATE), "bufsize": str(MAX_BITRATE // 8)}
        encoder.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "level": "4.0",
            "forced-idr": "1",
            **rate,
        }
        encoder.open()
        encoder.bit_rate = self._bitrate
        return encoder


class _Poll:
    def register(self, device: StandIn, _mask: int) -> None:
        self._device = device

    def poll(self, milliseconds: int) -> list[tuple[int, int]]:
        deadline = time.monotonic() + milliseconds / 1000
        while time.monotonic() < deadline:
            with self._device.lock:
                events = select.POLLOUT if self._device.done_pictures else 0
                events |= select.POLLIN if self._device.done_bytes else 0
            if events:
                return [(self._device.fileno(), events)]
            time.sleep(0.001)
        return []


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on picamera2 finds the encoder of a Pi 4."""
    StandIn.opened.clear()
    ioctl = SimpleNamespace(ioctl=lambda device, request, argument: device.ioctl(request, argument))
    polling = SimpleNamespace(poll=_Poll, POLLIN=select.POLLIN, POLLOUT=select.POLLOUT)
    mapping = SimpleNamespace(
        mmap=_map, PROT_READ=mmap.PROT_READ, PROT_WRITE=mmap.PROT_WRITE, MAP_SHARED=mmap.MAP_SHARED
    )
    monkeypatch.setattr(implementation, "open", StandIn, raising=False)
    monkeypatch.setattr(implementation, "fcntl", ioctl)
    monkeypatch.setattr(implementation, "select", polling)
    monkeypatch.setattr(implementation, "mmap", mapping)
    monkeypatch.setattr(picamera2_encoders, "fcntl", ioctl)
    monkeypatch.setattr(picamera2_source, "has_hardware_encoder", lambda: True)


def _map(_file: int, length: int, _protection: int, _flags: int, offset: int = 0) -> mmap.mmap:
    return StandIn.opened[-1].map(length, offset)
