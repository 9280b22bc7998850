"""A conversation at work: feeds its rules with what happens, and carries out what they say.

One task runs a conversation, from `run()`'s first line to its last; leaving it is the only way its media stops. Inputs
come through one inbox and are handled one at a time. What takes time (making an offer, an answer, adding a candidate)
is done by its `Transport`, in order, which reports back through the inbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agent.conversation import events as ev
from agent.conversation.call import State
from agent.conversation.incoming import IncomingCall
from agent.conversation.outgoing import OutgoingCall
from agent.conversation.reasons import CallStatus, CloseReason, Direction, Side
from agent.conversation.record import call_record
from agent.conversation.reports import CallRecord, LocalStats, RemoteStats
from agent.conversation.statistics import StatisticsLog
from agent.emitter import Emitter, Unsubscribe
from agent.errors import InvalidStateError
from agent.ports import IceOptions, LocalStream, PeerFactory
from agent.signaling import messages as wire
from agent.signaling.translation import to_message
from agent.tasks import Tasks
from agent.transport import Transport

logger = logging.getLogger(__name__)

INBOX_LIMIT = 256  # inputs that wait; what the far side sends beyond it is dropped, as QoS 0 would be
FINISH_TIMEOUT = 6.0  # seconds for the last transport and the last callback; a transport allows itself 5

EVENT_NAMES: dict[type, str] = {
    ev.Called: "called",
    ev.Ringing: "ringing",
    ev.Response: "response",
    ev.Connected: "connected",
    ev.StreamReceived: "stream_received",
    ev.ErrorRaised: "error",
    LocalStats: "local_stats",
    RemoteStats: "remote_stats",
    CallRecord: "closed",
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a conversation needs of its client."""

    party: str
    peers: PeerFactory
    ice: IceOptions
    stats_interval: float
    monotonic: Callable[[], float]
    wall: Callable[[], float]
    send: Callable[[str, wire.SignalMessage], Any]
    connected: Callable[[], bool]
    on_control: Callable[[Conversation, str], None]
    on_event: Callable[[Conversation, str, Any], None]
    on_end: Callable[[Conversation], None]


@dataclass(slots=True)
class _Request:
    """An input of this side, whose outcome is awaited: None, or why it was refused."""

    event: ev.Input
    outcome: asyncio.Future[str | None]


class Conversation:
    """One call with one far side. Made by `CallClient`."""

    def __init__(self, rules: IncomingCall | OutgoingCall, local: LocalStream, around: Surroundings) -> None:
        self.rules = rules
        self.record: CallRecord | None = None
        self._local = local
        self._around = around
        self._log = StatisticsLog()
        self._inbox: deque[ev.Input | _Request] = deque()
        self._arrived = asyncio.Event()
        self._changed = asyncio.Condition()
        self._closed: asyncio.Future[CallRecord] = asyncio.get_running_loop().create_future()
        self._transports: dict[int, Transport] = {}
        self._muted: dict[str, bool] = {}
        self._tasks = Tasks(f"conversation {rules.conversation}")
        self._emitter = Emitter(self._tasks.spawn)

    # -- what it is -------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self.rules.conversation

    @property
    def remote_uid(self) -> str:
        """The far side, as the broker proved it; of several targets the one that was selected."""
        return self.rules.remote_uid

    @property
    def targets(self) -> tuple[str, ...]:
        """Everyone that an outgoing call invites."""
        return tuple(target.uid for target in self.rules.targets) if isinstance(self.rules, OutgoingCall) else ()

    @property
    def direction(self) -> Direction:
        return self.rules.direction

    @property
    def state(self) -> State:
        return self.rules.state

    @property
    def invitation(self) -> ev.Invitation | None:
        return self.rules.invitation if isinstance(self.rules, IncomingCall) else None

    @property
    def call_status(self) -> CallStatus | None:
        """How the invitation was answered; None while it is open."""
        return self.rules.call_status

    # -- what one can do with it ------------------------------------------------------------------------------------

    def on(self, name: str, callback: Callable[..., Awaitable[None] | None]) -> Unsubscribe:
        """`callback(event)` for each event of that name (see the client's docstring). Returns what ends that."""
        return self._emitter.on(name, callback)

    def subscribe(self, callback: Callable[[Any], Awaitable[None] | None]) -> Unsubscribe:
        """`callback(event)` for every event, as its own type."""
        return self._emitter.on("*", callback)

    async def accept(
        self, local_stream: LocalStream | None = None, *, grant: ev.MediaGrant | None = None, rule: str | None = None
    ) -> None:
        """Accept the invitation; returns when it was answered. Raises InvalidStateError where it is not open."""
        if local_stream is not None:
            self._local = local_stream
        await self._request(ev.AcceptRequested(grant or ev.MediaGrant(), rule))
        async with self._changed:
            await self._changed.wait_for(lambda: self.state is not State.ANSWERING)
        if self.call_status is not CallStatus.ACCEPTED:
            raise InvalidStateError("the call ended before it was answered")

    async def ring(self, *, rule: str | None = None) -> None:
        """Tell the caller that a person is being asked."""
        await self._request(ev.RingRequested(rule))

    async def reject(self, reason: str = "rejected", *, status: CallStatus = CallStatus.REJECTED) -> None:
        """Refuse the invitation; once it was answered this does nothing."""
        if self.state in (State.INVITED, State.RINGING):
            await self._request(ev.RejectRequested(status, reason))

    async def close(self, reason: CloseReason = CloseReason.USER_HANGUP) -> CallRecord:
        """Cancel or hang up. Idempotent, and every caller waits for the same record."""
        self.hang_up(reason)
        return await self.wait_closed()

    def hang_up(self, reason: CloseReason = CloseReason.USER_HANGUP) -> None:
        """`close()` without waiting, for where nothing can be awaited."""
        if self.state is not State.CLOSED:
            self.post(ev.CloseRequested(reason))

    async def wait_closed(self) -> CallRecord:
        return await asyncio.shield(self._closed)

    async def answered(self) -> CallStatus | None:
        """Wait for the answer. None where the call ended without one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.call_status is not None or self.state is State.CLOSED)
        return self.call_status

    def mute(self, *, audio: bool | None = None, video: bool | None = None) -> None:
        """Stop (True) or resume (False) sending a kind of media; None leaves it."""
        self._muted.update({kind: flag for kind, flag in (("audio", audio), ("video", video)) if flag is not None})
        for transport in self._transports.values():
            transport.peer.mute(audio=audio, video=video)

    def renew(self) -> None:
        """Make a fresh transport beside the one there is: the network changed."""
        self.post(ev.RenewRequested())

    # -- the inbox --------------------------------------------------------------------------------------------------

    def post(self, event: ev.Input) -> None:
        """Hand in an input of this side."""
        self._inbox.append(event)
        self._arrived.set()

    def post_remote(self, event: ev.Input) -> None:
        """Hand in an input that the far side caused; dropped where it sends faster than we handle."""
        if len(self._inbox) >= INBOX_LIMIT:
            logger.warning("dropped %s from %s: too fast", type(event).__name__, self.remote_uid)
            return
        self.post(event)

    async def _request(self, event: ev.Input) -> None:
        outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        if self._closed.done():
            raise InvalidStateError("the conversation is closed")
        self._inbox.append(_Request(event, outcome))
        self._arrived.set()
        refused = await outcome
        if refused is not None:
            raise InvalidStateError(refused)

    # -- the run ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """From the first effect to the last transport closed."""
        try:
            await self._perform(self.rules.start())
            while self.state is not State.CLOSED:
                await self._step(await self._next())
        except Exception:  # a fault of ours must still end the call, free the camera and tell both sides
            logger.exception("conversation %s failed", self.id)
            await self._fail()
        finally:
            await self._finish()

    async def _next(self) -> ev.Input | _Request:
        while not self._inbox:
            self._arrived.clear()
            deadline = self.rules.next_deadline()
            delay = None if deadline is None else max(0.0, deadline - self._around.monotonic())
            try:
                async with asyncio.timeout(delay):
                    await self._arrived.wait()
            except TimeoutError:
                return ev.DeadlineReached()
        return self._inbox.popleft()

    async def _step(self, item: ev.Input | _Request) -> None:
        event = item.event if isinstance(item, _Request) else item
        before = self.state
        effects, refused = self.rules.handle(event, self._around.monotonic())
        if isinstance(item, _Request) and not item.outcome.done():
            item.outcome.set_result(refused)
        if refused is not None:
            logger.debug("%s refused: %s", self.id, refused)
            return
        if self.state is not before:
            logger.info("%s with %s: %s -> %s (%s)", self.id, self.remote_uid, before, self.state, type(event).__name__)
        if before is State.CONNECTING and self.state is State.ESTABLISHED:
            self._log.start(self._transports[self.rules.current_generation].peer.counters())
            self._tasks.spawn(self._sample())
        await self._perform(effects)
        async with self._changed:
            self._changed.notify_all()

    async def _fail(self) -> None:
        if self.state is not State.CLOSED:
            now = self._around.monotonic()
            tell: list[ev.Effect] = [ev.SendClose(self.remote_uid, CloseReason.UNKNOWN_REASON)]
            self.rules.state, effects = self.rules.end(now, CloseReason.UNKNOWN_REASON, Side.LOCAL, tell)
            await self._perform(effects)

    async def _finish(self) -> None:
        for item in self._inbox:
            if isinstance(item, _Request) and not item.outcome.done():
                item.outcome.set_result("the conversation is closed")
        self._inbox.clear()
        try:
            for transport in self._transports.values():
                transport.stop()
            await self._tasks.finish(FINISH_TIMEOUT)
        finally:
            if not self._closed.done():
                self._closed.cancel()
            async with self._changed:
                self._changed.notify_all()

    # -- effects ----------------------------------------------------------------------------------------------------

    async def _perform(self, effects: list[ev.Effect]) -> None:
        for effect in effects:
            match effect:
                case ev.SendInvite() | ev.SendSelect() | ev.SendCandidate() | ev.SendClose():
                    self._send(effect.to, effect)
                case ev.SendRinging() | ev.SendResponse() | ev.SendOffer() | ev.SendAnswer():
                    self._send(self.remote_uid, effect)
                case ev.CreateOffer() | ev.CreateAnswer():
                    self._create(effect)
                case ev.ApplyAnswer():
                    self._transports[effect.generation].apply_answer(effect.sdp)
                case ev.AddCandidate():
                    self._transports[effect.generation].add_candidate(effect.candidate)
                case ev.StartMedia():
                    self._start_media(effect.generation)
                case ev.ClosePeer():
                    self._close_peer(effect.generation)
                case ev.Closed():
                    self._conclude()
                case _:
                    self._emit(effect)

    def _send(self, to: str, effect: Any) -> None:
        message = to_message(effect, conversation=self.id, party=self._around.party, wall=self._around.wall())
        self._around.send(to, message)
        if to != self.remote_uid or not isinstance(
            effect, ev.SendClose | ev.SendOffer | ev.SendAnswer | ev.SendCandidate
        ):
            return
        # The data channel says the same; the first to arrive counts. A close always goes both ways, the rest only
        # when the broker is away.
        if isinstance(effect, ev.SendClose) or not self._around.connected():
            text = wire.encode(message).decode()
            for transport in self._transports.values():
                transport.peer.send_control(text)

    def _create(self, effect: ev.CreateOffer | ev.CreateAnswer) -> None:
        servers = effect.ice_servers if isinstance(effect, ev.CreateAnswer) else ()
        peer = self._around.peers(
            generation=effect.generation,
            local=self._local,
            grant=effect.grant,
            ice=IceOptions((*self._around.ice.servers, *servers), self._around.ice.transport_policy),
            on_event=self.post,
            on_control=lambda text: self._around.on_control(self, text),
        )
        if self._muted:
            peer.mute(audio=self._muted.get("audio"), video=self._muted.get("video"))
        transport = self._transports[effect.generation] = Transport(peer, effect.generation, self.post)
        if isinstance(effect, ev.CreateAnswer):
            transport.describe(lambda: peer.create_answer(effect.sdp))
        else:
            transport.describe(peer.create_offer)
        self._tasks.spawn(transport.run())

    def _start_media(self, generation: int) -> None:
        if generation > 0:
            self._sample_last()
            self._log.start(self._transports[generation].peer.counters())
        self._transports[generation].peer.start_media()

    def _close_peer(self, generation: int) -> None:
        self._sample_last(generation)
        transport = self._transports.pop(generation)
        transport.stop()

    def _conclude(self) -> None:
        """`closed`, exactly once: the record goes to everyone who listens, and to whoever waits."""
        around = self._around
        self.record = call_record(self.rules, self._log, now=around.monotonic(), wall=around.wall())
        logger.info(
            "%s with %s closed: %s by %s after %.1f s",
            self.id,
            self.remote_uid,
            self.record.reason,
            self.record.closed_by,
            self.record.duration,
        )
        self._emit(self.record)
        self._around.on_end(self)
        self._closed.set_result(self.record)

    def _emit(self, event: Any) -> None:
        name = EVENT_NAMES[type(event)]
        self._emitter.emit(name, event)
        self._emitter.emit("*", event)
        self._around.on_event(self, name, event)

    # -- statistics -------------------------------------------------------------------------------------------------

    async def _sample(self) -> None:
        """`local_stats` and `remote_stats` at every interval while the transport is up."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self.state is not State.CLOSED:
            due += self._around.stats_interval
            try:
                async with asyncio.timeout_at(due), self._changed:
                    await self._changed.wait_for(lambda: self.state is State.CLOSED)
            except TimeoutError:
                transport = self._transports.get(self.rules.current_generation)
                if transport is not None and self.state is State.ESTABLISHED:
                    for report in self._log.sample(transport.peer.counters()):
                        self._emit(report)

    def _sample_last(self, generation: int | None = None) -> None:
        """The rest of an interval, for the record, before its transport goes."""
        current = self.rules.current_generation
        transport = self._transports.get(current)
        if transport is not None and generation in (None, current) and self.rules.marks.connected is not None:
            self._log.sample(transport.peer.counters())
