"""A camera without a camera: access units are made by hand, and every call is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import av

from agent.media.base.video_source import Fail, SourceDescription
from agent.ports import AccessUnit, VideoFormat

SPS_720P = bytes.fromhex("6742c01fda014016e840000003004000000f23c60ca8")
PPS = bytes.fromhex("68ce3c80")
START = b"\x00\x00\x00\x01"


def access_unit(number: int, *, key: bool = False) -> AccessUnit:
    """Picture `number` at 30 fps. Looks like H.264 from the outside; nothing can decode it."""
    payload = number.to_bytes(4, "big").replace(b"\x00", b"\x80")
    data = (
        START + SPS_720P + START + PPS + START + b"\x65" + payload
        if key
        else START + b"\x41" + payload
    )
    return AccessUnit(data=data, keyframe=key, pts=number * 3000, captured_at=number / 30)


class FakeVideoSource:
    """A `VideoSource` that sends what `send()` is told. `calls` has every start, stop, key frame
    and bitrate in order.

    `gate` holds `start()` until it is set, `stop_gate` holds `stop()`; `failure` makes the next
    start raise, `failures` the next ones.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.gate: asyncio.Event | None = None
        self.failure: Exception | None = None
        self.failures: list[Exception] = []
        self.stop_gate: asyncio.Event | None = None
        self.starting = asyncio.Event()
        self.stopped = asyncio.Event()
        self.keyframe_requests = 0
        self.keyframe_requested = asyncio.Event()
        self.bitrates: list[int] = []
        self.running = False
        self._emit: Callable[[AccessUnit], None] | None = None
        self._fail: Fail | None = None
        self._number = 0

    @property
    def format(self) -> VideoFormat:
        return VideoFormat(1280, 720, 30.0, "42c01f")

    def describe(self) -> SourceDescription:
        return SourceDescription(camera="fake", encoder="none")

    async def start(self, emit: Callable[[AccessUnit], None], fail: Fail) -> None:
        self.calls.append("start")
        self.starting.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if self.failures:
            raise self.failures.pop()
        self._emit, self._fail = emit, fail
        self.running = True

    async def stop(self) -> None:
        self.calls.append("stop")
        if self.stop_gate is not None:
            await self.stop_gate.wait()
        self.running = False
        self.stopped.set()

    def request_keyframe(self) -> None:
        self.keyframe_requests += 1
        self.keyframe_requested.set()

    def set_bitrate(self, bitrate: int) -> None:
        self.bitrates.append(bitrate)

    def send(self, *, key: bool = False) -> AccessUnit:
        """Emit the next picture, from this thread."""
        assert self._emit is not None, "not started"
        unit = access_unit(self._number, key=key)
        self._number += 1
        self._emit(unit)
        return unit

    def reset_clock(self) -> None:
        """The next picture begins at 0, as after every start of a real one."""
        self._number = 0

    def callbacks(self) -> tuple[Callable[[AccessUnit], None], Fail]:
        """What this life of the source was given."""
        assert self._emit is not None, "not started"
        assert self._fail is not None, "not started"
        return self._emit, self._fail

    def break_down(self, error: Exception) -> None:
        """Fail as a camera does that is unplugged."""
        assert self._fail is not None, "not started"
        self._fail(error)


class StillSourceFake(FakeVideoSource):
    """A source with a picture beside the video, which can leave pictures out. It sends a key frame
    on start.
    """

    def __init__(self, picture: av.VideoFrame) -> None:
        super().__init__()
        self._picture = picture
        self.divisors: list[int] = []

    async def start(self, emit: Callable[[AccessUnit], None], fail: Fail) -> None:
        await super().start(emit, fail)
        self.send(key=True)

    def take_still(self) -> av.VideoFrame | None:
        return self._picture

    def divide_framerate(self, divisor: int) -> None:
        self.divisors.append(divisor)
