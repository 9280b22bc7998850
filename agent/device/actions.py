"""What can be done on a device, whoever asks for it: a button, a command, Home Assistant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call.machine import State
from agent.core.call.reasons import CallMode, CloseReason, Purpose
from agent.errors import InvalidStateError
from agent.media.jpeg import MAX_SNAPSHOT_SIZE, Jpeg


class Actions:
    """One device's. What cannot be done now raises InvalidStateError.

    `take_snapshot` makes a JPEG of so many bytes at most.
    """

    def __init__(self, client: CallClient, take_snapshot: Callable[[int], Awaitable[Jpeg]]) -> None:
        self._client = client
        self._take_snapshot = take_snapshot

    def call(self, to: Sequence[str], *, lifetime: float, mode: CallMode) -> Conversation:
        """Invite `to`; `lifetime` in seconds."""
        return self._client.call(to, lifetime=lifetime, mode=mode)

    async def accept(self, conversation: str | None = None) -> Conversation:
        """A person answers what rings: with the media that its rule allows."""
        ringing = self._ringing(conversation)
        await ringing.accept()
        return ringing

    async def reject(self, conversation: str | None = None) -> Conversation:
        """A person declines what rings."""
        ringing = self._ringing(conversation)
        await ringing.reject("declined")
        return ringing

    async def hang_up(self, conversation: str | None = None) -> list[Conversation]:
        """End one conversation, or every call; those that were ended. Who only looks goes on
        looking, unless it is named or there is no call.
        """
        chosen = self._chosen(conversation)
        calls = [each for each in chosen if each.purpose is Purpose.TALK]
        chosen = calls or chosen
        for each in chosen:
            await each.close(CloseReason.USER_HANGUP)
        return chosen

    def mute(self, *, audio: bool | None = None, video: bool | None = None) -> None:
        """Stop (True) or resume (False) sending, until the call ends; None leaves it."""
        for conversation in self._chosen(None):
            conversation.mute(audio=audio, video=video)

    async def snapshot(self) -> Jpeg:
        """Take a picture that fits into a message. Raises MediaUnavailable."""
        return await self._take_snapshot(MAX_SNAPSHOT_SIZE)

    def _ringing(self, conversation_id: str | None) -> Conversation:
        ringing = [
            each for each in self._client.conversations.values() if each.state is State.RINGING
        ]
        if conversation_id is not None:
            ringing = [each for each in ringing if each.id == conversation_id]
        if not ringing:
            raise InvalidStateError(
                "nothing rings" if conversation_id is None else f"{conversation_id} does not ring"
            )
        return ringing[0]

    def _chosen(self, conversation_id: str | None) -> list[Conversation]:
        conversations = list(self._client.conversations.values())
        if conversation_id is not None:
            conversations = [each for each in conversations if each.id == conversation_id]
        if not conversations:
            raise InvalidStateError(
                f"no conversation {conversation_id}" if conversation_id else "no conversation"
            )
        return conversations
