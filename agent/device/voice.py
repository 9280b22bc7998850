"""What the device says at the door, and what visitors leave there (PROTOCOL 6: `say`, `messages`,
`play`, `delete`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from agent.doorbell.message_folder import MessageFolder
from agent.doorbell.visitor_messages import LONGEST, VisitorMessage, VisitorMessages
from agent.errors import InvalidStateError, MediaUnavailable, NoSuchMessage, NotSupportedError
from agent.media.sound.announcements import Announcements
from agent.media.sound.sound_setup import Sound
from agent.media.sound.voice_message import record_message

logger = logging.getLogger(__name__)

# what is said before a visitor's message is recorded, where the folder has it
GREETING = "record"


class Voice:
    """`now` is the time of day in Unix seconds."""

    def __init__(
        self,
        sound: Sound,
        folder: MessageFolder,
        left: VisitorMessages,
        now: Callable[[], float],
    ) -> None:
        self._sound = sound
        self._folder = folder
        self._left = left
        self._now = now
        self._stop: asyncio.Event | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What can be said."""
        return self._folder.names if self._sound.announcements is not None else ()

    async def say(self, name: str) -> float:
        """Begin to say it at the door, and into the calls that have its microphone; the seconds it
        takes. Raises NoSuchMessage, NotSupportedError or MediaUnavailable.
        """
        words, file = self._words(), await asyncio.to_thread(self._folder.file, name)
        took = await words.play(file)
        logger.info("the device says %r", name)
        return took

    async def play(self, name: str) -> float:
        """The same with what a visitor left."""
        words, file = self._words(), await asyncio.to_thread(self._left.file, name)
        return await words.play(file)

    async def messages(self) -> list[VisitorMessage]:
        """What visitors left, the newest first."""
        return await asyncio.to_thread(self._left.all)

    async def delete(self, name: str) -> None:
        """Raises NoSuchMessage."""
        await asyncio.to_thread(self._left.delete, name)
        logger.info("the message %r was deleted", name)

    async def take_message(self, longest: float = LONGEST) -> str:
        """Say that a message may be left, and record it for `longest` seconds or until `hush`; its
        name. Raises NotSupportedError without a microphone, InvalidStateError where one is being
        recorded, MediaUnavailable where microphone, loudspeaker or disk does not work.
        """
        microphone = self._sound.capture
        if microphone is None or not microphone.present:
            raise NotSupportedError("this device has no microphone")
        if self._stop is not None:
            raise InvalidStateError("a message is being recorded")
        stop = self._stop = asyncio.Event()
        try:
            await self._announce(stop)
            try:
                path = await asyncio.to_thread(self._left.place, self._now())
            except OSError as error:
                raise MediaUnavailable(f"no place for a message: {error}") from error
            if not stop.is_set():
                await record_message(microphone, path, longest=longest, stop=stop)
        finally:
            self._stop = None
        if not await asyncio.to_thread(path.exists):
            raise MediaUnavailable("nothing was recorded")
        gone = await asyncio.to_thread(self._left.prune, self._now())
        if gone:
            logger.info("old messages of visitors were deleted: %s", ", ".join(gone))
        return path.stem

    def hush(self) -> None:
        """Say nothing more, and end what is being recorded: somebody answers."""
        if self._stop is not None:
            self._stop.set()
        if self._sound.announcements is not None:
            self._sound.announcements.stop()

    async def _announce(self, stop: asyncio.Event) -> None:
        """Nobody is recorded who was not told."""
        words = self._words()
        try:
            await words.play(await asyncio.to_thread(self._folder.file, GREETING))
            await words.finished()
        except NoSuchMessage:
            # the tone alone tells it
            logger.debug("there is no message %r to say before", GREETING)
        if not stop.is_set():
            words.tone()
            await words.finished()

    def _words(self) -> Announcements:
        if self._sound.announcements is None:
            raise NotSupportedError("this device has no loudspeaker")
        return self._sound.announcements
