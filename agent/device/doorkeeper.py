"""Who gets in: puts the policy between an invitation and the camera."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.core.call import events as ev
from agent.core.call.decision import Action, Decision
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus
from agent.core.policy.override import PolicyOverride
from agent.core.policy.rate_limiter import CallHistory
from agent.core.policy.rules import Policy
from agent.device.clock_watch import is_set
from agent.errors import InvalidStateError
from agent.ports import LocalStream

logger = logging.getLogger(__name__)


class Doorkeeper:
    """Decides about every invitation of `client`, and answers those that it lets in with
    `local_stream`.
    """

    def __init__(
        self,
        client: CallClient,
        policy: Policy,
        local_stream: LocalStream,
        now: Callable[[], float],
    ) -> None:
        self._client = client
        self._policy = policy
        self._local_stream = local_stream
        self._now = now
        self._history = CallHistory()
        self._decisions: dict[str, Decision] = {}
        client.screen = self._screen
        client.on("called", self._called)
        client.subscribe(self._forget)

    def replace_policy(self, policy: Policy) -> None:
        """New rules; an override that was set by command stays."""
        self._policy = policy.overridden(self._policy.override)

    def override(self, override: PolicyOverride | None) -> None:
        self._policy = self._policy.overridden(override)

    def _screen(self, invitation: ev.Invitation) -> ev.RejectRequested | None:
        now = self._now()
        at = datetime.fromtimestamp(now, UTC)
        decision = self._policy.decide(
            invitation, at=at, history=self._history, clock_is_set=is_set(now)
        )
        logger.info(
            "%s: %s by %s",
            invitation.caller,
            decision.action,
            decision.rule or "no rule",
            extra={
                "CALLBOX_CONVERSATION": invitation.conversation,
                "CALLBOX_REMOTE_UID": invitation.caller,
            },
        )
        if decision.action in (Action.ACCEPT, Action.RING):
            self._decisions[invitation.conversation] = decision
            return None
        self._history.record(decision.rule, invitation.caller, at)
        if decision.action is Action.REJECT:
            return ev.RejectRequested(
                CallStatus.REJECTED, decision.reason or "rejected", decision.rule
            )
        return ev.RejectRequested(CallStatus.BUSY, decision.reason or "busy", decision.rule)

    def _called(self, conversation: Conversation) -> Awaitable[None]:
        """At once, or an invitation of the same breath would find the rate unused."""
        decision = self._decisions[conversation.id]
        self._history.record(
            decision.rule, conversation.remote_uid, datetime.fromtimestamp(self._now(), UTC)
        )
        return self._answer(conversation, decision)

    async def _answer(self, conversation: Conversation, decision: Decision) -> None:
        try:
            if decision.action is Action.ACCEPT:
                await self._accept(conversation, decision)
            else:
                await conversation.ring(rule=decision.rule)
        except InvalidStateError as refused:
            logger.info("%s could not be answered: %s", conversation.id, refused)

    def _forget(self, conversation: Conversation, name: str, _event: Any) -> None:
        if name == "closed":
            self._decisions.pop(conversation.id, None)

    async def _accept(self, conversation: Conversation, decision: Decision) -> None:
        await conversation.accept(self._local_stream, grant=decision.grant, rule=decision.rule)

    async def accept(self, conversation_id: str | None) -> Conversation:
        """A person answers: with the media that the rule allows. Raises InvalidStateError where
        nothing rings.
        """
        conversation = self._ringing(conversation_id)
        await self._accept(conversation, self._decisions[conversation.id])
        return conversation

    async def reject(self, conversation_id: str | None) -> Conversation:
        """A person declines. Raises InvalidStateError where nothing rings."""
        conversation = self._ringing(conversation_id)
        await conversation.reject("declined")
        return conversation

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
