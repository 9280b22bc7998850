"""`callbox call`: whether whom one calls is there, and may be called; else it ends at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from agent.client.conversation import Conversation
from agent.client.invitations import NOT_AUTHORIZED, UNREACHABLE
from agent.commands.call_display import Display
from agent.commands.exit_codes import Exit
from agent.core.call import events as ev
from agent.core.call.reasons import CloseReason
from agent.errors import SignalingError
from agent.signaling.broker import MessageStream
from agent.signaling.protocol.device_status import Status

# seconds for the broker to consent to the subscription
_GRANT_TIMEOUT = 2.0
# seconds for what is retained to arrive, where the invitation was answered before
_STATUS_TIMEOUT = 0.5


class Reachability:
    """Of one call, until it is answered. `status` is the stream of the remote peer's retained
    `status`; who is no device has none.
    """

    def __init__(self, status: MessageStream) -> None:
        self.exit_code: Exit | None = None
        self._status = status
        self._state: str | None = None
        self._known = asyncio.Event()
        self._unheard = asyncio.Event()

    async def prepare(self) -> None:
        """Before the call, so that what is retained comes before the broker's answer to it."""
        with suppress(SignalingError):
            # it may be forbidden: then the invitation alone decides
            await self._status.wait_granted(_GRANT_TIMEOUT)

    async def watch(self, conversation: Conversation, show: Display) -> None:
        """Return once the call is answered or over; hang up where nobody is there."""
        unsubscribe = conversation.subscribe(self._hear)
        try:
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read())
                judging = tasks.create_task(self._judge(conversation, show))
                await conversation.answered()
                reading.cancel()
                judging.cancel()
        finally:
            unsubscribe()

    def _hear(self, event: Any) -> None:
        if not isinstance(event, ev.ErrorRaised):
            return
        if event.code == NOT_AUTHORIZED:
            self.exit_code = Exit.NOT_AUTHORIZED
        elif event.code == UNREACHABLE:
            self._unheard.set()

    async def _read(self) -> None:
        """The latest `status`, for as long as the connection lasts."""
        while True:
            message = await self._status.receive()
            message.ack()
            with suppress(ValidationError):
                self._state = Status.model_validate_json(message.payload).state
                self._known.set()

    async def _judge(self, conversation: Conversation, show: Display) -> None:
        known = asyncio.ensure_future(self._known.wait())
        unheard = asyncio.ensure_future(self._unheard.wait())
        try:
            await asyncio.wait((known, unheard), return_when=asyncio.FIRST_COMPLETED)
            if not self._known.is_set():
                await asyncio.wait((known,), timeout=_STATUS_TIMEOUT)
        finally:
            known.cancel()
            unheard.cancel()
        if self._state == "online":
            return
        if self._state == "offline":
            show.failed(UNREACHABLE, f"{conversation.remote_uid} is offline")
        self.exit_code = Exit.UNREACHABLE
        conversation.hang_up(CloseReason.CANCELLED)
