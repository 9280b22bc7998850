"""The public Python API: `CallClient` calls and is called, a `Conversation` is one call.

    async with CallClient(signaling, peers) as client:
        conversation = client.call("door-1", LocalStream())
        conversation.on("response", lambda response: print(response.call_status))
        record = await conversation.wait_closed()

A callback may be a function or a coroutine function. Events of a conversation, in the order of a
call:

    called(Called)  ringing(RemoteRinging)  response(InvitationAnswered)  connected(Connected)
    stream_received(StreamReceived)  local_stats(LocalStats)  remote_stats(RemoteStats)
    error(ErrorRaised)  closed(CallRecord), exactly once and last

`degraded(Degraded)` says that nothing arrives any more and a fresh transport is being made,
`restored(Restored)` that something arrives again. They are for an application's eyes, and no topics
of the protocol.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from agent import RELEASED
from agent.client.conversation import Conversation, Surroundings
from agent.client.emitter import Emitter, Unsubscribe
from agent.client.tasks import Tasks
from agent.core.call import events as ev
from agent.core.call.decision import RateOutcome
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import Timing
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallMode, CallStatus, CloseReason
from agent.core.call.registry import Admission, CallRegistry
from agent.core.policy.rate_limiter import RateLimiter
from agent.errors import InvalidStateError, MalformedMessage
from agent.ports import IceOptions, LocalStream, PeerFactory
from agent.signaling.channel import CommandRequest, Signal, Signaling
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.topics import is_uid
from agent.signaling.protocol.translation import REASON_EXPIRED, invitation, to_input, to_message

logger = logging.getLogger(__name__)

# messages; each waits for the disk to know of the calls before it
MAX_UNACKNOWLEDGED = 64
# seconds for all conversations to say goodbye, which takes no more than a turn of the loop each
CLOSE_TIMEOUT = 2.0
# seconds after that for their transports to end
FINISH_TIMEOUT = 3.0

__all__ = ["CallClient", "ClientOptions", "Conversation", "LocalStream"]


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a client behaves. Times in seconds."""

    max_conversations: int = 1
    ice: IceOptions = field(default_factory=IceOptions)
    timing: Timing = field(default_factory=Timing)
    stats_interval: float = 2.0
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class CallClient:
    """One party of one uid: places calls, and is called. Use it as an async context."""

    def __init__(
        self, signaling: Signaling, peers: PeerFactory, options: ClientOptions | None = None
    ) -> None:
        self.options = options or ClientOptions()
        self.signaling = signaling
        self.conversations: dict[str, Conversation] = {}
        self.screen: Callable[[ev.Invitation], ev.RejectRequested | None] = lambda _: None
        self.on_begin: Callable[[Conversation], Awaitable[None]] | None = None
        self.on_command: Callable[[CommandRequest], Awaitable[None]] | None = None
        self._registry = CallRegistry(
            RateLimiter(), max_conversations=self.options.max_conversations
        )
        self._faults = RateLimiter()
        self._tasks = Tasks(f"client {signaling.uid}")
        self._emitter = Emitter(self._tasks.spawn)
        self._around = Surroundings(
            party=signaling.party,
            peers=peers,
            ice=self.options.ice,
            stats_interval=self.options.stats_interval,
            monotonic=self.options.monotonic,
            wall=self.options.wall,
            send=signaling.send,
            connected=lambda: signaling.broker.connected,
            on_control=self._handle_control,
            on_begin=self._on_begin,
            on_event=self._on_event,
            on_renamed=self._on_renamed,
            on_end=self._on_end,
        )
        # every conversation, by its id on the wire
        self._signaled: dict[str, Conversation] = {}
        self._handled: asyncio.Queue[tuple[Signal | CommandRequest, Conversation | None]] = (
            asyncio.Queue(MAX_UNACKNOWLEDGED)
        )
        self._receiver: asyncio.Future[None] | None = None
        self._command_receiver: asyncio.Future[None] | None = None
        self._acknowledger: asyncio.Future[None] | None = None
        self._closing = False

    @property
    def busy(self) -> bool:
        """Whether no further conversation can be taken."""
        return self._registry.busy

    @property
    def uid(self) -> str:
        return self.signaling.uid

    async def __aenter__(self) -> Self:
        self._receiver = self._tasks.spawn(self._receive(self.signaling.receive))
        if self.signaling.takes_commands:
            self._command_receiver = self._tasks.spawn(
                self._receive(self.signaling.receive_command)
            )
        self._acknowledger = self._tasks.spawn(self._acknowledge())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        finally:
            await self._tasks.finish(FINISH_TIMEOUT)

    def network_changed(self) -> None:
        """Our addresses are others now: every conversation gets a fresh transport, beside the one
        that it has.
        """
        for conversation in tuple(self.conversations.values()):
            conversation.renew()

    async def close(self, reason: CloseReason = CloseReason.SHUTDOWN) -> None:
        """Close every conversation, and take no more."""
        self._closing = True
        for receiver in (self._receiver, self._command_receiver):
            if receiver is not None:
                receiver.cancel()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await asyncio.gather(
                    *(each.close(reason) for each in tuple(self._signaled.values()))
                )
                await self._handled.join()
        except TimeoutError:
            logger.warning("%d conversations do not end in time", len(self._signaled))
        finally:
            if self._acknowledger is not None:
                self._acknowledger.cancel()

    # -- the application ---------------------------------------------------------------------------

    def on(self, name: str, callback: Callable[..., Awaitable[None] | None]) -> Unsubscribe:
        """`called`: `callback(conversation)`, which accepts, rejects or rings. `conversations`:
        their number changed.

        Returns what ends that.
        """
        return self._emitter.on(name, callback)

    def subscribe(
        self, callback: Callable[[Conversation, str, Any], Awaitable[None] | None]
    ) -> Unsubscribe:
        """`callback(conversation, name, event)` for every event of every conversation."""
        return self._emitter.on("*", callback)

    def call(
        self,
        to: str | Iterable[str],
        local_stream: LocalStream | None = None,
        *,
        user_data: Any = None,
        lifetime: float = 30.0,
        mode: CallMode = CallMode.PARALLEL,
        grant: ev.MediaGrant | None = None,
    ) -> Conversation:
        """Invite `to`, one uid or several; `lifetime` is 1 to 120 seconds, `user_data` JSON of at
        most 4 KiB.

        Raises InvalidStateError where no further conversation is allowed, ValueError for what
        cannot be said.
        """
        if self._receiver is None or self._closing:
            raise InvalidStateError("the client is not open")
        if self._registry.busy:
            raise InvalidStateError(
                f"{self.uid} has {len(self.conversations)} conversations, the most that it may have"
            )
        targets = [to] if isinstance(to, str) else list(to)
        _check_invitation(targets, lifetime, user_data)
        rules = OutgoingCall(
            str(uuid.uuid4()),
            self.signaling.party,
            targets,
            self.options.timing,
            self.options.monotonic(),
            mode=mode,
            lifetime=lifetime,
            user_data=user_data,
            grant=grant,
            second_id=str(uuid.uuid4()),
        )
        return self._begin(rules, local_stream or LocalStream())

    # -- the far side ------------------------------------------------------------------------------

    async def _receive(self, receive: Callable[[], Awaitable[Signal | CommandRequest]]) -> None:
        while True:
            delivery = await receive()
            begins = None
            try:
                if isinstance(delivery, Signal):
                    begins = self._handle_delivery(delivery)
                elif self.on_command is not None:
                    self._tasks.spawn(self.on_command(delivery))
            except Exception:
                # whatever one message brings, the next one is served
                logger.exception("a message could not be handled")
            await self._handled.put((delivery, begins))

    async def _acknowledge(self) -> None:
        """In the order of arrival. An invitation when its call has begun: until then the broker
        keeps it.
        """
        while True:
            delivery, begins = await self._handled.get()
            if begins is not None:
                await begins.begun.wait()
            delivery.ack()
            self._handled.task_done()

    def _handle_control(self, conversation: Conversation, text: str) -> None:
        """The data channel carries the same messages, of the conversation that it belongs to, and
        of no other.
        """
        try:
            message = wire.parse_signal(text.encode())
        except MalformedMessage as fault:
            logger.info("refused on the data channel of %s: %s", conversation.remote_uid, fault)
            return
        if message.conversation == conversation.signaled_as and isinstance(
            message, wire.Close | wire.Offer | wire.Answer | wire.Candidate
        ):
            self._handle_signal(conversation.remote_uid, message)

    def _handle_delivery(self, signal: Signal) -> Conversation | None:
        """The conversation that begins with it, if one does."""
        if not isinstance(signal.message, MalformedMessage):
            return self._handle_signal(signal.sender, signal.message)
        if self._faults.judge(signal.sender, self.options.monotonic()) is RateOutcome.ADMIT:
            logger.info("refused from %s: %s", signal.sender, signal.message)
            self.signaling.send_error(signal)
        return None

    def _handle_signal(self, sender: str, message: wire.SignalMessage) -> Conversation | None:
        if isinstance(message, wire.Invite):
            return self._invited(sender, message)
        self._route(sender, message)
        return None

    def _route(self, sender: str, message: wire.SignalMessage) -> None:
        event = to_input(sender, message)
        conversation = self._signaled.get(message.conversation)
        if event is None:
            return
        if conversation is not None:
            conversation.post_remote(event, message.conversation)
        elif isinstance(event, ev.CloseReceived):
            self._registry.unknown_close(message.conversation, sender, self.options.monotonic())
        elif isinstance(event, ev.ResponseReceived | ev.RingingReceived):
            late = self._registry.unknown_response(message.conversation, event)
            self._reply(sender, message.conversation, late)

    def _invited(self, sender: str, message: wire.Invite) -> Conversation | None:
        now = self.options.monotonic()
        invited = invitation(sender, message, age=self._age(message.sent_at_unix))
        verdict = self._registry.admit(invited, now)
        if verdict.admission is not Admission.NEW:
            logger.info(
                "invitation %s from %s: %s %s",
                invited.conversation,
                sender,
                verdict.admission,
                verdict.why,
            )
            self._reply(sender, invited.conversation, verdict.effects)
            return None
        rules = IncomingCall(invited, self.signaling.party, self.options.timing, now)
        refusal = self._refusal(rules)
        conversation = self._begin(rules, LocalStream(), turned_away=refusal is not None)
        if refusal is not None:
            conversation.post(refusal)
        else:
            self._emitter.emit("called", conversation)
        return conversation

    def _refusal(self, rules: IncomingCall) -> ev.RejectRequested | None:
        """What is refused before anybody is asked: too old, not allowed, or no line free."""
        if rules.expired:
            return ev.RejectRequested(CallStatus.TIMEOUT, REASON_EXPIRED)
        screened = self.screen(rules.invitation)
        if screened is not None:
            return screened
        return ev.RejectRequested(CallStatus.BUSY, "busy") if self._registry.busy else None

    def _age(self, sent_at: float) -> float | None:
        wall = self.options.wall()
        # a Pi without a network boots in the past
        return wall - sent_at if wall >= RELEASED else None

    def _reply(self, to: str, conversation: str, effects: Iterable[ev.Effect]) -> None:
        for effect in effects:
            if isinstance(effect, ev.SendResponse | ev.SendRinging | ev.SendClose):
                message = to_message(
                    effect,
                    conversation=conversation,
                    party=self.signaling.party,
                    wall=self.options.wall(),
                )
                self.signaling.send(to, message)

    # -- conversations -----------------------------------------------------------------------------

    def _begin(
        self, rules: IncomingCall | OutgoingCall, local: LocalStream, *, turned_away: bool = False
    ) -> Conversation:
        """Start a call. One that is turned away has its events and its record, yet is no
        conversation to anybody.
        """
        conversation = Conversation(rules, local, self._around)
        self._registry.add(rules, turned_away=turned_away)
        self._signaled[conversation.signaled_as] = conversation
        if not turned_away:
            self.conversations[conversation.id] = conversation
            self._emitter.emit("conversations")
        self._tasks.spawn(conversation.run())
        return conversation

    def over(self, conversation: str, remote_uid: str, reason: CloseReason) -> None:
        """A conversation of an earlier process; to be told before this one opens.

        The broker may bring its invitation again.
        """
        self._registry.past(conversation, remote_uid, reason, self.options.monotonic())

    async def _on_begin(self, conversation: Conversation) -> None:
        if self.on_begin is not None:
            try:
                await self.on_begin(conversation)
            except Exception:
                # who keeps the books must not cost the call
                logger.exception("the begin of %s could not be noted", conversation.id)

    def _on_event(self, conversation: Conversation, name: str, event: Any) -> None:
        self._emitter.emit("*", conversation, name, event)

    def _on_end(self, conversation: Conversation) -> None:
        self._signaled.pop(conversation.signaled_as, None)
        self._registry.remove(conversation.rules, self.options.monotonic())
        if self.conversations.pop(conversation.id, None) is not None:
            self._emitter.emit("conversations")

    def _on_renamed(self, conversation: Conversation, before: str) -> None:
        self._signaled[conversation.signaled_as] = self._signaled.pop(before)
        if isinstance(conversation.rules, OutgoingCall):
            self._registry.rename(conversation.rules, before, self.options.monotonic())


def _check_invitation(targets: list[str], lifetime: float, user_data: Any) -> None:
    """Raises ValueError for what no invitation can carry."""
    for uid in targets:
        if not is_uid(uid):
            raise ValueError(f"{uid!r} is not a uid")
    try:
        wire.Invite(
            conversation=wire.NO_CONVERSATION,
            party="-",
            sdp="-",
            sent_at=wire.format_time(0),
            lifetime=lifetime,
            user_data=user_data,
        )
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
