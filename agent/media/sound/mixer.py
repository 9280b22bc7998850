"""The streams of all conversations, as one (implements `PcmMixer`)."""

from __future__ import annotations

import logging
import threading
from array import array
from collections.abc import Callable

from agent.media.sound.pcm import PlayoutStream

logger = logging.getLogger(__name__)

LOUDEST, SOFTEST = 32767, -32768


class Mixer:
    """Streams come and go on the event loop, `read` is the player's: a lock keeps them apart, for
    as long as it takes to decode a frame.

    `on_change` is called on the event loop when the first stream has come (True), and when the last
    one has gone (False).
    """

    def __init__(self, on_change: Callable[[bool], None] = lambda _wanted: None) -> None:
        self._streams: list[PlayoutStream] = []
        self._lock = threading.Lock()
        self._on_change = on_change

    def attach(self, stream: PlayoutStream) -> None:
        with self._lock:
            if stream in self._streams:
                return
            self._streams.append(stream)
            first = len(self._streams) == 1
        if first:
            self._on_change(True)

    def detach(self, stream: PlayoutStream) -> None:
        with self._lock:
            if stream not in self._streams:
                return
            self._streams.remove(stream)
            last = not self._streams
        if last:
            self._on_change(False)

    def read(self) -> bytes | None:
        with self._lock:
            frames = [frame for stream in tuple(self._streams) if (frame := self._read(stream))]
        if not frames:
            return None
        return frames[0] if len(frames) == 1 else add(frames)

    def _read(self, stream: PlayoutStream) -> bytes | None:
        try:
            return stream.read()
        except Exception:
            # one conversation's fault must not silence the others
            logger.exception("a stream failed and is not played any more")
            self._streams.remove(stream)
            return None


def add(frames: list[bytes]) -> bytes:
    """The sum of frames of one length; what is too loud is clipped."""
    sums = map(sum, zip(*(memoryview(frame).cast("h") for frame in frames), strict=True))
    return array("h", [max(SOFTEST, min(LOUDEST, value)) for value in sums]).tobytes()
