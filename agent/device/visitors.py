"""What a device does for visitors besides the call: it speaks to them, keeps their visits, and has
people told.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.client.call_client import CallClient
from agent.client.tasks import Tasks
from agent.device.door_station import DoorStation
from agent.device.front_door import FrontDoor
from agent.device.visit_keeper import VisitKeeper
from agent.device.visits import Visits
from agent.device.voice import Voice
from agent.doorbell.message_folder import MessageFolder
from agent.doorbell.notifications import NotificationSender
from agent.doorbell.visitor_messages import VisitorMessages
from agent.errors import CallboxError, NoSuchMessage
from agent.media.sound.sound_setup import Sound
from agent.settings import Settings

logger = logging.getLogger(__name__)

# what `ring.nobody_home` says for a message that the visitor may leave
RECORD = "record"
# what sounds at a ring, where the folder has it
CHIME = "chime"
# seconds for a chime at the end
FINISH_TIMEOUT = 1.0
_SOUND_TYPE = "audio/ogg"


class Visitors:
    """An async context inside those of calls and doorbell. `document` is what the page may ask
    for, from any thread.
    """

    def __init__(self, settings: Settings, sound: Sound, client: CallClient) -> None:
        directory: Path = settings.state_directory
        folder = MessageFolder(settings.ring.messages)
        self._left = VisitorMessages(directory / "messages")
        self._visits = Visits(directory / "visits", self._has_message)
        self._nobody_home = settings.ring.nobody_home
        self._sender = NotificationSender(settings.notify, settings.uid)
        self._client = client
        self.voice = Voice(sound, folder, self._left, time.time)
        self._keeper = VisitKeeper(self._visits, self._sender, self._remote_uid, time.monotonic)
        self._stack = AsyncExitStack()
        self._chimes = Tasks("chimes")

    def connect(self, door: FrontDoor, station: DoorStation) -> Self:
        """Hear of rings, pictures, doors and answers, and speak where nobody is at home."""
        door.doorbell.events.on_event(self._keeper.visited)
        door.pictures.on_picture(self._keeper.pictured)
        station.output_events.on_event(self._keeper.opened)
        self._client.subscribe(self._keeper.call_event)
        ports, silence = door.doorbell.ports, station.silence
        if self._nobody_home:
            ports.nobody_home = self._reply
        wired = ports.chime

        def chime(by: str) -> None:
            wired(by)
            if CHIME in self.voice.names and not silence.silenced:
                self._chimes.spawn(self._sound_chime())

        ports.chime = chime
        return self

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._sender)
        await self._stack.enter_async_context(self._keeper)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.voice.hush()
        await self._chimes.finish(FINISH_TIMEOUT)
        await self._stack.aclose()

    def document(self, path: str) -> tuple[bytes, str] | None:
        """Visits, their pictures, and what visitors said (`messages/NAME.ogg`)."""
        folder, _, name = path.partition("/")
        if folder != "messages":
            return self._visits.document(path)
        try:
            return self._left.file(name.removesuffix(".ogg")).read_bytes(), _SOUND_TYPE
        except (NoSuchMessage, OSError):
            return None

    async def _sound_chime(self) -> None:
        try:
            await self.voice.say(CHIME)
        except CallboxError as error:
            logger.warning("the chime does not sound at the loudspeaker: %s", error)

    def _has_message(self, name: str) -> bool:
        try:
            self._left.file(name)
        except NoSuchMessage:
            return False
        return True

    def _remote_uid(self, conversation: str) -> str | None:
        found = self._client.conversations.get(conversation)
        return found.remote_uid if found is not None else None

    def _reply(self) -> asyncio.Future[str | None]:
        return asyncio.ensure_future(self._tell_nobody_home())

    async def _tell_nobody_home(self) -> str | None:
        """The name of what the visitor left. Cancelled when somebody answers."""
        try:
            if self._nobody_home == RECORD:
                return await self.voice.take_message()
            await self.voice.say(self._nobody_home)
        except CallboxError as error:
            logger.warning("the visitor could not be told that nobody is at home: %s", error)
        except asyncio.CancelledError:
            self.voice.hush()
            raise
        return None
