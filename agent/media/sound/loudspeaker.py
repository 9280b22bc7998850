"""A loudspeaker for all conversations (implements `agent.media.sound.pcm.Loudspeaker`)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from agent.media.base.worker import Worker
from agent.media.sound.level import Level
from agent.media.sound.mixer import Mixer
from agent.media.sound.pcm import PcmFilter, PcmPlayer, PlayoutStream
from agent.media.sound.reopening import ChangeTeller, SilentPlayer, Tell, pump_card
from agent.ports import PCM_FRAME_BYTES

logger = logging.getLogger(__name__)

_SILENCE = bytes(PCM_FRAME_BYTES)


class CardSpeaker:
    """Open while there is a stream to play, and no longer. Whoever made it closes it.

    `open_player` is called in the player's thread, `tell` on the event loop, with why there is no
    sound, and with None when there is again. `present` says whether there is a card to open.
    `sound_filter` stands between both ends of the card.
    """

    def __init__(
        self,
        open_player: Callable[[], PcmPlayer],
        tell: Tell,
        *,
        present: Callable[[], bool] = lambda: True,
        level: Level | None = None,
        sound_filter: PcmFilter | None = None,
    ) -> None:
        self._open = open_player
        self._tell = tell
        self._present = present
        self._level = level or Level()
        self._filter = sound_filter
        self._mixer = Mixer(self._changed)
        self._wanted = asyncio.Event()
        self._unwanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def present(self) -> bool:
        return self._present()

    def attach(self, stream: PlayoutStream) -> None:
        if not self._closed:
            self._mixer.attach(stream)

    def detach(self, stream: PlayoutStream) -> None:
        self._mixer.detach(stream)

    async def close(self) -> None:
        """Play nothing more; wait until the card is closed. Idempotent."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _changed(self, wanted: bool) -> None:
        self._wanted.clear()
        self._unwanted.clear()
        (self._wanted if wanted else self._unwanted).set()
        if wanted and self._task is None:
            self._task = asyncio.create_task(self._run(), name="callbox-loudspeaker")

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            if self._present():
                await self._play()
            else:
                await self._unwanted.wait()

    async def _play(self) -> None:
        """Until nobody wants to be heard."""
        tell = ChangeTeller("loudspeaker", self._tell, asyncio.get_running_loop())

        def work(stopping: threading.Event) -> None:
            nowhere: PcmPlayer = SilentPlayer()
            pump_card(stopping, self._open, nowhere, self._move, tell)

        worker = Worker("loudspeaker", work, _log_failure)
        try:
            await self._unwanted.wait()
        finally:
            await worker.stop()

    def _move(self, player: PcmPlayer) -> None:
        delay = player.delay() if self._filter is not None else 0.0
        frames = []
        for number in range(player.frames):
            frame = self._level.apply(self._mixer.read() or _SILENCE)
            if self._filter is not None:
                frame = self._filter.render(frame, delay + number / 100)
            frames.append(frame)
        player.write(b"".join(frames))


def _log_failure(error: Exception) -> None:
    """The thread has failed, as it never should: silence until the next call."""
    logger.error("the loudspeaker's thread ended", exc_info=error)
