"""What can be done on a device, whoever asks for it: a button, a command, Home Assistant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call.machine import State
from agent.core.call.reasons import CallMode, CloseReason, Direction, Purpose
from agent.errors import InvalidStateError, RefusedError
from agent.media.jpeg import MAX_SNAPSHOT_SIZE, Jpeg


class Actions:
    """One device's. What cannot be done now raises InvalidStateError.

    `take_snapshot` makes a JPEG of so many bytes at most; `privacy` says whether that is on.
    """

    def __init__(
        self,
        client: CallClient,
        take_snapshot: Callable[[int], Awaitable[Jpeg]],
        privacy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._client = client
        self._take_snapshot = take_snapshot
        self._privacy = privacy

    def call(self, to: Sequence[str], *, lifetime: float, mode: CallMode) -> Conversation:
        """Invite `to`; `lifetime` in seconds. Raises RefusedError `privacy_mode`."""
        self._require_no_privacy()
        return self._client.call(to, lifetime=lifetime, mode=mode)

    async def accept(self, conversation: str | None = None) -> Conversation:
        """A person answers what rings here, with the media that its rule allows. While the device
        rings out it is whoever looks at it that takes the call, and it talks from then on.
        """
        views = self._views_of_a_ring(conversation)
        if views:
            return self._take_first(views)
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
        """Take a picture that fits into a message. Raises MediaUnavailable, and RefusedError
        `privacy_mode`.
        """
        self._require_no_privacy()
        return await self._take_snapshot(MAX_SNAPSHOT_SIZE)

    def stop_ringing(self) -> None:
        """The door was opened: whoever is still rung by this device hears `answered_elsewhere`
        (PROTOCOL 5).
        """
        for each in self._client.conversations.values():
            if _rings_out(each):
                each.hang_up(CloseReason.ANSWERED_ELSEWHERE)

    def _require_no_privacy(self) -> None:
        if self._privacy():
            raise RefusedError(
                CloseReason.PRIVACY_MODE.value, "privacy is on: camera and microphone are closed"
            )

    def _views_of_a_ring(self, conversation_id: str | None) -> list[Conversation]:
        """Who looks while the device rings out: first whom it rings, and of those who came last."""
        calls = list(self._client.conversations.values())
        rings = [each for each in calls if _rings_out(each)]
        if not rings or any(each.state is State.RINGING for each in calls):
            return []
        looking = [each for each in reversed(calls) if _is_looked_at(each)]
        if conversation_id is not None:
            looking = [each for each in looking if each.id == conversation_id]
        rung = {uid for each in rings for uid in each.targets}
        return sorted(looking, key=lambda each: each.remote_uid not in rung)

    def _take_first(self, views: Sequence[Conversation]) -> Conversation:
        """The first that may talk."""
        for view in views[:-1]:
            with suppress(InvalidStateError):
                self._client.take_view(view)
                return view
        self._client.take_view(views[-1])
        return views[-1]

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


def _rings_out(call: Conversation) -> bool:
    return call.state in (State.OFFERING, State.INVITING) and call.purpose is Purpose.TALK


def _is_looked_at(call: Conversation) -> bool:
    """Whether its far side looks at this device, sees it, and is a person: a program that pulls
    the picture is none.
    """
    incoming, looks = call.direction is Direction.INCOMING, call.rules.looks
    return incoming and looks and call.state is State.ESTABLISHED and call.via is None
