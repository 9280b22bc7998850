"""The conversations of one client: which there are, how one begins, and whose a signal is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from agent.client.call_context import CallContext, CallObserver, ClientOptions
from agent.client.conversation import Conversation
from agent.client.door_requests import DoorAsked, DoorRequests
from agent.client.emitter import Emitter
from agent.core.call import events as ev
from agent.core.call.crossings import AnyCall, FollowUp, Ruling
from agent.core.call.decision import (
    NO_LINE_FREE,
    NO_PLACE_TO_VIEW,
    Action,
    Admission,
    Decision,
    RateOutcome,
)
from agent.core.call.incoming import IncomingCall, is_expired
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CloseReason, Purpose
from agent.core.call.registry import CallRegistry
from agent.core.policy.rate_limiter import RateLimiter
from agent.errors import InvalidStateError
from agent.ports import CallScreening, LocalStream, PeerFactory, Signal, Signaling

logger = logging.getLogger(__name__)


class ActiveCalls:
    """Admits invitations and hands every signal to its conversation.

    `emitter` gets `called`, `conversations` and every event, and `observer` is told what happens to
    each conversation. `stream_for` says what is sent where `screening` accepts an invitation.
    `spawn` runs a conversation; its owner awaits that.
    """

    def __init__(
        self,
        signaling: Signaling,
        peers: PeerFactory,
        options: ClientOptions,
        emitter: Emitter,
        spawn: Callable[[Awaitable[None]], Any],
        *,
        screening: CallScreening | None,
        observer: CallObserver[Conversation] | None,
        stream_for: Callable[[ev.Invitation], LocalStream],
    ) -> None:
        # those that were not turned away, by the id that the application knows
        self.conversations: dict[str, Conversation] = {}
        # every conversation, by its id on the wire
        self.signaled: dict[str, Conversation] = {}
        self._signaling = signaling
        self._monotonic = options.monotonic
        self._timing = options.timing
        self._emitter = emitter
        self._observer = observer
        self._screening = screening
        self._stream_for = stream_for
        self._spawn = spawn
        limiter = RateLimiter() if screening is None else RateLimiter(known=screening.known_callers)
        self._registry = CallRegistry(
            limiter,
            max_conversations=options.max_conversations,
            max_viewers=options.max_viewers,
        )
        self.doors = DoorRequests(signaling, options.wall)
        self._context = CallContext(signaling, peers, options, self, self.doors)

    @property
    def busy(self) -> bool:
        """Whether no further conversation can be taken."""
        return self._registry.busy

    def place(
        self, rules: OutgoingCall, local: LocalStream, wait_for: asyncio.Future[Any] | None = None
    ) -> Conversation:
        """Begin a call of ours. Where whom it invites is inviting us, they cross."""
        conversation, follow_ups = self._begin(rules, local, wait_for=wait_for)
        self._follow(follow_ups, local)
        return conversation

    def may_call(self, targets: Collection[str]) -> bool:
        """Whether there is a line for a call to them."""
        return self._registry.may_call(targets)

    def over(self, conversation: str, remote_uid: str, reason: CloseReason) -> None:
        """A conversation of an earlier process, whose invitation may be delivered again."""
        self._registry.past(conversation, remote_uid, reason, self._monotonic())

    # -- signals -----------------------------------------------------------------------------------

    def handle(self, signal: Signal) -> Conversation | None:
        """The conversation that begins with it, if one does."""
        if isinstance(signal.content, ev.Invitation):
            return self._invited(signal.content)
        self._route(signal.sender, signal.conversation, signal.content)
        return None

    def _route(self, sender: str, conversation: str, event: ev.Input | ev.DoorInput) -> None:
        known = self.signaled.get(conversation)
        if isinstance(event, ev.OpenReceived):
            answer = partial(self._answer_about_door, sender, conversation)
            self._emitter.emit(
                "open",
                DoorAsked(conversation, event, known.rules if known is not None else None, answer),
            )
            return
        if self.doors.heard(sender, conversation, event) or isinstance(event, ev.OpenedReceived):
            return
        if known is not None:
            instead = self._registry.defer(known.rules, event)
            if instead is None:
                known.post_remote(event, conversation)
            else:
                self._follow(instead)
        elif isinstance(event, ev.CloseReceived):
            self._registry.unknown_close(conversation, sender, self._monotonic())
        elif isinstance(event, ev.ResponseReceived | ev.RingingReceived):
            self._reply(sender, conversation, self._registry.unknown_response(conversation, event))

    def _answer_about_door(
        self, to: str, conversation: str, answer: ev.SendOpened | ev.SendOpenRefused
    ) -> None:
        self._signaling.send(answer, to=to, conversation=conversation)

    def _invited(self, invitation: ev.Invitation) -> Conversation | None:
        now = self._monotonic()
        result = self._registry.admit(invitation, now)
        if result.admission is not Admission.NEW:
            logger.info(
                "invitation %s from %s: %s %s",
                invitation.conversation,
                invitation.caller,
                result.admission,
                result.why,
            )
            self._reply(invitation.caller, invitation.conversation, result.effects)
            return None
        ruling, party = self._rule(invitation), self._signaling.party
        rules = IncomingCall(invitation, party, self._timing, now, ruling.decision, ruling.crossing)
        if ruling.own is not None:
            local = self.signaled[ruling.own.signaled_as].local_stream
        else:
            local = self._stream_for(invitation)
        conversation, _ = self._begin(rules, local, own=ruling.own)
        if not (rules.turned_away or rules.waits):
            self._show(conversation)
        return conversation

    def _rule(self, invitation: ev.Invitation) -> Ruling:
        """What is decided about it; nothing where it is too old to be asked about, or the
        application will say.
        """
        if is_expired(invitation, self._timing):
            return Ruling(None)
        decision = None
        if self._screening is not None:
            line = self._registry.line_for(invitation)
            decision = self._screening.admit(invitation, line=line)
        return self._registry.rule(invitation, decision)

    def _show(self, conversation: Conversation) -> None:
        """One that was not turned away is the application's from now on."""
        self.conversations[conversation.id] = conversation
        self._emitter.emit("conversations")
        self._emitter.emit("called", conversation)

    def _follow(self, follow_ups: Iterable[FollowUp], local: LocalStream | None = None) -> None:
        """Hand in what calls that cross mean for each other, before anything else that waits: what
        they were about to say may be out of date. `local` is sent from then on.
        """
        for rules, event in follow_ups:
            known = self.signaled.get(rules.signaled_as)
            if known is not None:
                known.post(event, local, urgent=True)

    def _reply(self, to: str, conversation: str, effects: Iterable[ev.Effect]) -> None:
        for effect in effects:
            if isinstance(effect, ev.SendResponse | ev.SendRinging | ev.SendClose):
                self._signaling.send(effect, to=to, conversation=conversation)

    # -- conversations -----------------------------------------------------------------------------

    def _begin(
        self,
        rules: AnyCall,
        local: LocalStream,
        *,
        own: OutgoingCall | None = None,
        wait_for: asyncio.Future[Any] | None = None,
    ) -> tuple[Conversation, list[FollowUp]]:
        """Start a call; an invitation may cross `own`. One that is turned away has its events and
        its record, yet is no conversation to anybody.
        """
        conversation = Conversation(rules, local, self._context)
        follow_ups = self._registry.add(rules, own)
        self.signaled[conversation.signaled_as] = conversation
        if isinstance(rules, OutgoingCall):
            self.conversations[conversation.id] = conversation
            self._emitter.emit("conversations")
        self._spawn(conversation.run(wait_for))
        self._end_crowded_out()
        return conversation, follow_ups

    async def begun(self, conversation: Conversation) -> None:
        if self._observer is not None:
            try:
                await self._observer.begun(conversation)
            except Exception:
                # who keeps the books must not cost the call
                logger.exception("the begin of %s could not be noted", conversation.id)

    def event(self, conversation: Conversation, name: str, event: Any) -> None:
        self._emitter.emit_everything(conversation, name, event)
        if self._observer is not None:
            self._observer.event(conversation, name, event)

    def screen_talk(self, conversation: Conversation) -> Decision | None:
        """Judged as an invitation is, and counted as one (PROTOCOL 8)."""
        invitation = conversation.invitation
        outcome = self._registry.judge_rate(conversation.remote_uid, self._monotonic())
        if invitation is None or outcome is RateOutcome.DROP:
            return None
        if outcome is RateOutcome.REFUSE:
            return Decision(Action.REJECT, reason="rate_limited")
        if self._screening is None:
            # the application has let somebody look, and nobody has been asked about more
            return Decision(Action.REJECT, reason="not_allowed")
        talk = replace(invitation, purpose=Purpose.TALK, age=None)
        line = self._registry.line_for(talk)
        ruling = self._registry.rule(talk, self._screening.admit(talk, line=line))
        if ruling.own is not None and ruling.decision is not None:
            # whom we invite is not asked about
            return replace(ruling.decision, action=Action.ACCEPT)
        return ruling.decision

    def take_view(self, conversation: Conversation) -> None:
        """Have whoever looks talk, as a person on this side wishes; judged as an invitation is.
        Raises InvalidStateError where that lets nobody talk.
        """
        decision = self.screen_talk(conversation)
        if decision is None or decision.action is not Action.ACCEPT:
            why = decision.reason or decision.action.value if decision else "rate_limited"
            raise InvalidStateError(f"{conversation.remote_uid} may not talk: {why}")
        conversation.post(ev.TakeRequested(decision.grant, decision.rule), urgent=True)

    def moved(self, conversation: Conversation, before: State, *, looked: bool) -> None:
        """A call that is lost leaves its line, and whoever is ACCEPTED then takes it over; so does
        a view that becomes a talk.
        """
        rules = conversation.rules
        accepted = rules.state is State.CONNECTING and before is not State.CONNECTING
        talks = looked and not rules.looks and rules.accepted
        if talks and isinstance(rules, IncomingCall):
            self._registry.take_ring(rules)
        if accepted or talks:
            lost = self._registry.displaced_by(rules)
            if lost is not None:
                self.signaled[lost.signaled_as].hang_up(CloseReason.REPLACED)
        # both leave, or take, a line
        changed = {State.LOST, State.RINGING} & {before, rules.state} or looked != rules.looks
        if changed and rules.state is not State.CLOSED:
            self._emitter.emit("conversations")
        if rules.state is not State.CLOSED:
            if before is State.CROSSING and conversation.id not in self.conversations:
                # it waited for one of ours, and nobody was told of it
                self._show(conversation)
            self._follow(self._registry.follow(rules))
        self._end_crowded_out()

    def stepped(self, conversation: Conversation) -> None:
        if conversation.state is not State.CLOSED:
            self._follow(self._registry.follow(conversation.rules))

    def _end_crowded_out(self) -> None:
        """Whoever still rings when the last line, or place to view, is taken hears BUSY (PROTOCOL
        3).
        """
        for call in self._registry.crowded_out():
            busy = NO_PLACE_TO_VIEW if call.looks else NO_LINE_FREE
            self.signaled[call.signaled_as].post(busy.request)

    def renamed(self, conversation: Conversation, before: str) -> None:
        self.signaled[conversation.signaled_as] = self.signaled.pop(before)
        if isinstance(conversation.rules, OutgoingCall):
            self._registry.rename(conversation.rules, before, self._monotonic())
        if self._observer is not None:
            self._observer.renamed(conversation, before)

    def ended(self, conversation: Conversation) -> None:
        self.signaled.pop(conversation.signaled_as, None)
        self._registry.remove(conversation.rules, self._monotonic())
        self._follow(self._registry.follow(conversation.rules))
        if self.conversations.pop(conversation.id, None) is not None:
            self._emitter.emit("conversations")
        if self._observer is not None:
            self._observer.ended(conversation)
