"""A stream of sound that a test feeds."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from agent.ports import PCM_FRAME_SAMPLES


def constant(value: int) -> bytes:
    """A frame of one value."""
    return array("h", [value] * PCM_FRAME_SAMPLES).tobytes()


class FakeStream:
    """A `PlayoutStream` of these frames, then nothing."""

    def __init__(self, frames: Iterable[bytes | None] = ()) -> None:
        self._frames = iter(frames)
        self.reads = 0

    def read(self) -> bytes | None:
        self.reads += 1
        return next(self._frames, None)


class BrokenStream:
    """Raises, as no stream may."""

    def read(self) -> bytes | None:
        raise RuntimeError("broken")
