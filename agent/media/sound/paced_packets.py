"""Packets that were made ahead leave at the pace of their sound, on the event loop.

A thread that makes each packet when it is due wakes as often as the event loop that sends it. What
is made ahead costs two or three wake-ups a second, and the loop's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from agent.media.base.worker import Ticker
from agent.media.sound.opus import FRAME_DURATION
from agent.ports import AudioPacket

FRAMES_A_WAKE = 2
"""Nobody answers to this sound: half the wake-ups are worth 20 ms."""
FRAMES_AHEAD = 25
"""Half a second: beyond `MAKING` there is time for a thread that comes late."""
MAKING = 0.4
"""Seconds between two times at which packets are made."""


class PacedPackets:
    """Made on the running loop, and closed there; `fill` is the thread's."""

    def __init__(
        self, emit: Callable[[AudioPacket], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._emit = emit
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._ticker: Ticker | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._frames: deque[list[AudioPacket]] = deque(maxlen=2 * FRAMES_AHEAD)
        self._begun = self._closed = False

    def fill(self, make: Callable[[], list[AudioPacket]], stopping: threading.Event) -> None:
        """`make` frames of 20 ms, each of a packet or none, until enough wait."""
        while len(self._frames) < FRAMES_AHEAD and not stopping.is_set():
            self._frames.append(make())
            if not self._begun and len(self._frames) >= FRAMES_A_WAKE:
                self._begun = True
                # the thread may outlive the event loop
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._begin)

    def close(self) -> None:
        """Nothing leaves any more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._frames.clear()

    def _begin(self) -> None:
        self._ticker = Ticker(FRAMES_A_WAKE * FRAME_DURATION, self._now)
        self._leave()

    def _leave(self) -> None:
        if self._closed or self._ticker is None:
            return
        self._timer = self._loop.call_later(self._ticker.next_wait(), self._leave)
        for _ in range(min(FRAMES_A_WAKE, len(self._frames))):
            for packet in self._frames.popleft():
                # captured now, whenever it was made
                self._emit(AudioPacket(packet.data, packet.pts, self._now()))
