"""Still pictures, beside the video."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import av
import av.error

from agent.errors import MediaError, MediaUnavailable
from agent.ports import AccessUnit

_PICTURE_TIMEOUT = 5.0


@runtime_checkable
class StillSource(Protocol):
    """A source with another way to its picture than to decode the video."""

    def take_still(self) -> av.VideoFrame | None:
        """The picture now, or None where the last key frame is the nearest to it. Blocks. Raises
        MediaUnavailable.
        """


class StillCapture:
    """A subscriber that keeps the source running until there is a picture to capture."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._ended: MediaError | None = None

    def put(self, unit: AccessUnit) -> None:  # noqa: ARG002 - its arrival is enough
        self._changed.set()

    def end(self, reason: MediaError) -> None:
        self._ended = reason
        self._changed.set()

    async def seen(self, enough: Callable[[], bool]) -> None:
        """Wait for units until `enough`. Raises MediaUnavailable where it does not come to that."""
        try:
            async with asyncio.timeout(_PICTURE_TIMEOUT):
                while not enough() and self._ended is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise MediaUnavailable(f"no picture came within {_PICTURE_TIMEOUT:.0f} s") from None
        if self._ended is not None:
            raise MediaUnavailable(str(self._ended)) from self._ended


def take_still(source: object, last_keyframe: AccessUnit | None) -> av.VideoFrame:
    """The picture of `source`, or the one that `last_keyframe` holds. Blocks. Raises
    MediaUnavailable.
    """
    frame = source.take_still() if isinstance(source, StillSource) else None
    if frame is not None:
        return frame
    if last_keyframe is None:
        raise MediaUnavailable("there was no picture yet")
    return decode_keyframe(last_keyframe.data)


def decode_keyframe(data: bytes) -> av.VideoFrame:
    """The picture of one access unit that begins with an IDR. Raises MediaUnavailable."""
    decoder = av.CodecContext.create("h264", "r")
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except av.error.FFmpegError as error:
        raise MediaUnavailable(f"the last key frame cannot be decoded: {error}") from error
    if not frames:
        raise MediaUnavailable("the last key frame cannot be decoded")
    return frames[0]
