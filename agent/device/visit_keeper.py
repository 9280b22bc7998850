"""Keeps visits for the page, and has people told of them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from agent.background import BackgroundTask
from agent.client.conversation import Conversation
from agent.client.tasks import Tasks
from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus, Direction, Purpose
from agent.core.statistics.reports import CallRecord
from agent.device.visits import Visit, Visits
from agent.doorbell.notifications import REPEATED, Notice, NotificationSender
from agent.signaling.protocol import messages as wire

logger = logging.getLogger(__name__)

# things that wait for the disk; what is over is dropped, and the page knows less of a visit
QUEUE_LENGTH = 64
# seconds that a notification waits for the visitor's picture
PICTURE_PATIENCE = 2.0
# seconds for what waits for the disk at the end
FINISH_TIMEOUT = 2.0
# seconds after a ring in which a door that opens belongs to it
OPENED_WITHIN = 180.0


class VisitKeeper:
    """An async context: an observer of rings, pictures, calls and doors. `remote_uid` says who is
    at the other end of an open conversation; `monotonic` is a clock that is never set.
    """

    def __init__(
        self,
        visits: Visits,
        sender: NotificationSender,
        remote_uid: Callable[[str], str | None],
        monotonic: Callable[[], float],
    ) -> None:
        self._visits = visits
        self._sender = sender
        self._remote_uid = remote_uid
        self._monotonic = monotonic
        self._work: asyncio.Queue[Callable[[], None]] = asyncio.Queue(QUEUE_LENGTH)
        self._writer = BackgroundTask("callbox-visits")
        self._notices = Tasks("notifications")
        # the ring that is under way or was last, and since when
        self._current: str | None = None
        self._since = 0.0
        self._pictures: dict[str, asyncio.Future[bytes]] = {}
        # rings that were told
        self._known: deque[str] = deque(maxlen=4)

    async def __aenter__(self) -> Self:
        self._writer.start(self._write())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._notices.finish(FINISH_TIMEOUT)
        try:
            async with asyncio.timeout(FINISH_TIMEOUT):
                await self._work.join()
        except TimeoutError:
            logger.warning("the disk does not take the last visits")
        await self._writer.stop()

    # -- what happens ------------------------------------------------------------------------------

    def visited(self, event: wire.RingEvent | wire.MissedEvent) -> None:
        """A ring, or one that nobody took."""
        if isinstance(event, wire.MissedEvent):
            self._change(missed=True, message=event.message)
            self._tell(event, "missed", None)
            return
        if event.suppressed in REPEATED:
            return
        self._current, self._since = event.event_id, self._monotonic()
        picture = self._picture_of(event.event_id)
        self._known.append(event.event_id)
        visit = Visit(
            id=event.event_id,
            at=datetime.fromisoformat(event.timestamp).timestamp(),
            button=event.button,
            targets=event.targets,
            conversation=event.conversation,
            suppressed=event.suppressed,
        )
        taken = picture.result() if picture.done() else None
        self._do(partial(self._visits.add, visit, taken))
        self._tell(event, "ring", picture if self._sender.wants_picture else None)

    def pictured(self, ring: str, jpeg: bytes) -> None:
        """The visitor's picture for the ring with this eventId, which may be told later."""
        waiting = self._picture_of(ring)
        if waiting.done():
            return
        waiting.set_result(jpeg)
        if ring in self._known:
            self._do(partial(self._visits.keep_picture, ring, jpeg))

    def opened(self, event: wire.OutputEvent) -> None:
        """What an output did; a door that was opened is told."""
        if event.action != "open":
            return
        if self._current is not None and self._monotonic() - self._since <= OPENED_WITHIN:
            self._change(opened_by=event.by)
        self._tell(event, "open", None)

    def call_event(self, conversation: Conversation, _name: str, event: Any) -> None:
        """Somebody whom the device rings answers, or has called in the same moment."""
        if conversation.direction is not Direction.OUTGOING or conversation.purpose is Purpose.VIEW:
            return
        if isinstance(event, ev.InvitationAnswered) and event.call_status is CallStatus.ACCEPTED:
            self._change(answered_by=conversation.remote_uid)
        elif isinstance(event, CallRecord) and event.answered_by:
            uid = self._remote_uid(event.answered_by)
            if uid is not None:
                self._change(answered_by=uid)

    # -- what is done ------------------------------------------------------------------------------

    def _change(self, **known: object) -> None:
        if self._current is not None:
            self._do(partial(self._visits.change, self._current, **known))

    def _do(self, work: Callable[[], None]) -> None:
        try:
            self._work.put_nowait(work)
        except asyncio.QueueFull:
            logger.warning("the disk is too slow for visits; one is not kept as it was")

    async def _write(self) -> None:
        while True:
            work = await self._work.get()
            try:
                await asyncio.to_thread(work)
            finally:
                self._work.task_done()

    def _picture_of(self, ring: str) -> asyncio.Future[bytes]:
        if ring not in self._pictures:
            # of the last two rings: one may come as the other's picture is taken
            for old in list(self._pictures)[:-1]:
                del self._pictures[old]
            self._pictures[ring] = asyncio.get_running_loop().create_future()
        return self._pictures[ring]

    def _tell(
        self,
        event: wire.RingEvent | wire.MissedEvent | wire.OutputEvent,
        kind: Any,
        picture: asyncio.Future[bytes] | None,
    ) -> None:
        notice = partial(
            Notice,
            kind,
            event.timestamp,
            getattr(event, "button", ""),
            event.conversation or "",
            tuple(getattr(event, "targets", ())),
            getattr(event, "suppressed", None),
        )
        if picture is None:
            self._sender.tell(notice())
        else:
            self._notices.spawn(self._tell_with(notice, picture))

    async def _tell_with(
        self, notice: Callable[..., Notice], picture: asyncio.Future[bytes]
    ) -> None:
        done, _ = await asyncio.wait({picture}, timeout=PICTURE_PATIENCE)
        self._sender.tell(notice(picture=picture.result() if done else None))
