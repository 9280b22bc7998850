"""Doors that this client asks for, and those that it is asked for itself (PROTOCOL 2, `open`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.outgoing import OutgoingCall
from agent.errors import CallError
from agent.ports import Signaling

# seconds for the device to answer
ANSWER_TIMEOUT = 10.0
# what an `error` about an `open` says; any other is about something else
_ABOUT_A_DOOR = frozenset(
    {"not_allowed", "stale", "clock_unset", "no_such_output", "wrong_code", "locked", "failed"}
    # of a device that does not know of doors
    | {"unknown_type"}
)


@dataclass(frozen=True, slots=True)
class DoorAsked:
    """A remote peer asks this side for a door. `call` is the conversation, while it goes on;
    `answer` says what becomes of it.
    """

    conversation: str
    request: ev.OpenReceived
    call: IncomingCall | OutgoingCall | None
    answer: Callable[[ev.SendOpened | ev.SendOpenRefused], None] = field(repr=False)


class DoorRequests:
    """What this client has asked and not heard of yet: one at a time in a conversation. `wall` is
    the time of day in Unix seconds.
    """

    def __init__(self, signaling: Signaling, wall: Callable[[], float]) -> None:
        self._signaling = signaling
        self._wall = wall
        self._waiting: dict[tuple[str, str], asyncio.Future[str]] = {}

    async def ask(
        self, to: str, conversation: str, output: str | None = None, code: str | None = None
    ) -> str:
        """Have the uid `to` release a door, and return which it was. A device with another time is
        asked once more, by its own. Raises CallError with the device's code, or `timeout`.
        """
        if (to, conversation) in self._waiting:
            raise CallError("busy", "a door is being asked for")
        try:
            return await self._ask_once(to, conversation, ev.SendOpen(self._wall(), output, code))
        except _OtherTimeError as other:
            return await self._ask_once(to, conversation, ev.SendOpen(other.now, output, code))

    async def _ask_once(self, to: str, conversation: str, message: ev.SendOpen) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[to, conversation] = answer
        try:
            self._signaling.send(message, to=to, conversation=conversation)
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await answer
        except TimeoutError:
            raise CallError("timeout", f"{to} does not answer") from None
        finally:
            del self._waiting[to, conversation]

    def heard(self, sender: str, conversation: str, event: ev.Input | ev.DoorInput) -> bool:
        """Whether `event` is the answer of `sender` to what it was asked in that conversation."""
        answer = self._waiting.get((sender, conversation))
        if answer is None or answer.done():
            return False
        if isinstance(event, ev.OpenedReceived):
            answer.set_result(event.output)
            return True
        if not isinstance(event, ev.ErrorReceived) or event.code not in _ABOUT_A_DOOR:
            return False
        refused = CallError(event.code, event.message)
        if event.code == "stale" and event.now is not None:
            refused = _OtherTimeError(event.message, event.now)
        answer.set_exception(refused)
        return True


class _OtherTimeError(CallError):
    """The device has another time than we have."""

    def __init__(self, message: str, now: float) -> None:
        super().__init__("stale", message)
        self.now = now
