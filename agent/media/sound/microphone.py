"""A microphone as a source of packets (implements `MediaSource`)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from agent.media.base.video_source import Fail
from agent.media.base.worker import Worker
from agent.media.sound.level import Level
from agent.media.sound.opus import FRAME_BYTES, OpusEncoder
from agent.media.sound.pcm import PcmFilter, PcmSource
from agent.media.sound.reopening import ChangeTeller, SilentSource, Tell, pump_card
from agent.ports import PCM_FRAME_BYTES, AudioPacket


class Microphone:
    """Open between `start()` and `stop()` and no longer, and not while it is muted or its level is
    0. While the card is closed or missing it is silent.

    `open_source` is called in the source's thread, `tell` on the event loop, with why there is no
    sound, and with None when there is again. `sound_filter` stands between both ends of the card.
    """

    def __init__(
        self,
        open_source: Callable[[], PcmSource],
        tell: Tell,
        *,
        level: Level | None = None,
        sound_filter: PcmFilter | None = None,
    ) -> None:
        self._open = open_source
        self._tell = tell
        self._level = level or Level()
        self._filter = sound_filter
        self._worker: Worker | None = None
        self._encoder: OpusEncoder | None = None
        self._expected_loss = 0.0
        self._muted = False

    async def start(self, emit: Callable[[AudioPacket], None], fail: Fail) -> None:
        encoder = self._encoder = OpusEncoder()
        encoder.expect_loss(self._expected_loss)
        tell = ChangeTeller("microphone", self._tell, asyncio.get_running_loop())
        self._worker = Worker(
            "microphone", lambda stopping: self._run(stopping, encoder, emit, tell), fail
        )

    async def stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()

    def expect_loss(self, fraction: float) -> None:
        """See `LossAware`."""
        self._expected_loss = fraction
        if self._encoder is not None:
            self._encoder.expect_loss(fraction)

    def mute(self, muted: bool) -> None:
        """See `MuteAware`. The thread heeds it within a period of the card."""
        self._muted = muted

    def _run(
        self,
        stopping: threading.Event,
        encoder: OpusEncoder,
        emit: Callable[[AudioPacket], None],
        tell: Tell,
    ) -> None:
        waiting = b""

        def move(source: PcmSource) -> None:
            nonlocal waiting
            waiting += self._heard(source)
            while len(waiting) >= FRAME_BYTES:
                packet, waiting = waiting[:FRAME_BYTES], waiting[FRAME_BYTES:]
                for encoded in encoder.encode(packet):
                    emit(encoded)

        silence: PcmSource = SilentSource()
        try:
            pump_card(stopping, self._open, silence, move, tell, self._is_wanted)
        finally:
            if self._filter is not None:
                self._filter.close()

    def _is_wanted(self) -> bool:
        return not self._muted and self._level.level > 0

    def _heard(self, source: PcmSource) -> bytes:
        frames = self._level.apply(source.read())
        if self._filter is None:
            return frames
        delay, done = source.delay(), []
        for start in range(0, len(frames), PCM_FRAME_BYTES):
            frame = frames[start : start + PCM_FRAME_BYTES]
            done.append(self._filter.capture(frame, delay - start / PCM_FRAME_BYTES / 100))
        return b"".join(done)
