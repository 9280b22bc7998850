"""What can be done on a device, whoever asks for it: a button, a command, Home Assistant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call.reasons import CallMode, CloseReason
from agent.device.doorkeeper import Doorkeeper
from agent.errors import InvalidStateError
from agent.media.jpeg import MAX_SNAPSHOT_SIZE, Jpeg
from agent.ports import LocalStream


class Actions:
    """One device's. What cannot be done now raises InvalidStateError.

    `take_snapshot` makes a JPEG of so many bytes at most.
    """

    def __init__(
        self,
        client: CallClient,
        doorkeeper: Doorkeeper,
        local_stream: LocalStream,
        take_snapshot: Callable[[int], Awaitable[Jpeg]],
    ) -> None:
        self._client = client
        self._doorkeeper = doorkeeper
        self._local_stream = local_stream
        self._take_snapshot = take_snapshot

    def call(self, to: Sequence[str], *, lifetime: float, mode: CallMode) -> Conversation:
        """Invite `to`; `lifetime` in seconds."""
        return self._client.call(to, self._local_stream, lifetime=lifetime, mode=mode)

    async def accept(self, conversation: str | None = None) -> Conversation:
        """A person answers what rings: with the media that its rule allows."""
        return await self._doorkeeper.accept(conversation)

    async def reject(self, conversation: str | None = None) -> Conversation:
        """A person declines what rings."""
        return await self._doorkeeper.reject(conversation)

    async def hang_up(self, conversation: str | None = None) -> list[Conversation]:
        """End one conversation, or every one; those that were ended."""
        chosen = self._chosen(conversation)
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

    def _chosen(self, conversation_id: str | None) -> list[Conversation]:
        conversations = list(self._client.conversations.values())
        if conversation_id is not None:
            conversations = [each for each in conversations if each.id == conversation_id]
        if not conversations:
            raise InvalidStateError(
                f"no conversation {conversation_id}" if conversation_id else "no conversation"
            )
        return conversations
