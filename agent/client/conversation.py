"""A conversation at work: feeds its rules with what happens, and carries out what they say.

One task runs a conversation, from `run()`'s first line to its last; leaving it is the only way its
media stops. Inputs come through one queue and are handled one at a time. What takes time (making an
offer, an answer, adding a candidate) is done by its transports, in order, which report back through
the queue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from agent.client.call_context import CallContext
from agent.client.call_events import EVENT_NAMES, callback_argument
from agent.client.call_facts import CallFacts
from agent.client.call_signals import CallSignals
from agent.client.call_statistics import make_record, report_at_intervals
from agent.client.closing import closing_effects
from agent.client.emitter import Emitter, Unsubscribe
from agent.client.input_queue import InputQueue, Item
from agent.client.invitations import Invitations
from agent.client.remote_stream import RemoteStream, RemoteTrack
from agent.client.tasks import Tasks
from agent.client.transports import Transports
from agent.core.call import events as ev
from agent.core.call.delivery import Delivery
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, CloseReason, Direction, Purpose
from agent.core.statistics.reports import CallRecord, LocalStats, RemoteStats
from agent.core.statistics.statistics_log import StatisticsLog
from agent.counts import RefusalKind, refusals
from agent.errors import CallError, InvalidStateError
from agent.ports import LocalStream

logger = logging.getLogger(__name__)

# seconds for the last transport and the last callback; a transport allows itself 5
FINISH_TIMEOUT = 6.0


class Conversation(CallFacts):
    """One call with one remote peer. Made by `CallClient`."""

    def __init__(
        self, rules: IncomingCall | OutgoingCall, local: LocalStream, context: CallContext
    ) -> None:
        super().__init__(rules)
        self.record: CallRecord | None = None
        self.remote_stream = RemoteStream()
        self.begun = asyncio.Event()
        self.local_stream = local
        self._context = context
        self._monotonic = context.options.monotonic
        self._log = StatisticsLog()
        self._queue = InputQueue(self._monotonic)
        self._changed = asyncio.Condition()
        self._closed: asyncio.Future[CallRecord] = asyncio.get_running_loop().create_future()
        self._tasks = Tasks(f"conversation {rules.conversation}")
        self._transports = Transports(
            context.peers,
            context.options.ice,
            self._log,
            self.remote_stream,
            put=self._queue.put,
            on_control=self._on_control,
            spawn=self._tasks.spawn,
        )
        self._signals = CallSignals(context, rules.conversation, self._transports.say)
        self._invitations = Invitations(
            rules, self._send, fail=self._emit, post=self.post, spawn=self._tasks.spawn
        )
        self._emitter = Emitter(self._tasks.spawn, EVENT_NAMES.values())

    @property
    def signaled_as(self) -> str:
        """Its name on the wire: another one than `id` if a wrong clock made us invite once more."""
        return self._signals.conversation

    # -- what one can do with it -------------------------------------------------------------------

    def on(self, name: str, callback: Callable[..., Awaitable[None] | None]) -> Unsubscribe:
        """`callback(argument)` for each event of that name (see `call_events`). Returns what ends
        that. Raises ValueError for a name that there is not.
        """
        return self._emitter.on(name, callback)

    def subscribe(self, callback: Callable[[Any], Awaitable[None] | None]) -> Unsubscribe:
        """`callback(event)` for every event, as its own type."""
        return self._emitter.on_everything(callback)

    async def accept(
        self,
        local_stream: LocalStream | None = None,
        *,
        grant: ev.MediaGrant | None = None,
        rule: str | None = None,
    ) -> None:
        """Accept the invitation; returns when it was answered. Without a `grant` the one that it
        rings with holds. One that crosses a call of ours is accepted already, with that one's
        media. Raises InvalidStateError where it is not open.
        """
        if not self.crosses:
            await self._queue.request(ev.AcceptRequested(grant, rule), local_stream)
        async with self._changed:
            await self._changed.wait_for(lambda: not self.is_open)
        if self.call_status is not CallStatus.ACCEPTED:
            raise InvalidStateError("the call ended before it was answered")

    async def ring(self, *, rule: str | None = None) -> None:
        """Tell the caller that a person is asked; nobody is where it crosses a call of ours."""
        if not self.crosses:
            await self._queue.request(ev.RingRequested(rule))

    async def reject(
        self, reason: str = "rejected", *, status: CallStatus = CallStatus.REJECTED
    ) -> None:
        """Refuse the invitation with a code of 1 to 64 characters; once it was answered this does
        nothing.
        """
        if not 1 <= len(reason) <= 64:
            raise ValueError(f"reason: {reason!r} does not have 1 to 64 characters")
        if self.state in (State.INVITED, State.RINGING):
            await self._queue.request(ev.RejectRequested(status, reason))

    async def talk(self, local_stream: LocalStream | None = None) -> None:
        """Make a talk of a view: `local_stream` is sent from now on (without one, what `call()` was
        given). Returns when the other side hears it. Raises InvalidStateError where no line is
        free, or it is no view, and CallError where it was refused; then it goes on as a view.
        """
        if self._context.owner.busy:
            raise InvalidStateError("no line is free")
        await self._queue.request(ev.TalkRequested(), local_stream)
        viewing = self.rules.viewing
        async with self._changed:
            await self._changed.wait_for(lambda: not viewing.asks or self.state is State.CLOSED)
        if self.purpose is not Purpose.TALK:
            raise CallError(*(viewing.refusal or ("closed", "the call is over")))

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
            await self._changed.wait_for(
                lambda: self.call_status is not None or self.state is State.CLOSED
            )
        return self.call_status

    def mute(self, *, audio: bool | None = None, video: bool | None = None) -> None:
        """Stop (True) or resume (False) sending a kind of media; None leaves it."""
        self._transports.mute(audio=audio, video=video)

    def push_to_talk(self, on: bool) -> None:
        """Hold or let go of the button. It holds for 60 s unless it is said again."""
        self.post(ev.PushToTalkRequested(on))

    async def open(self, output: str | None = None, code: str | None = None) -> str:
        """Have the device release a door, until 30 s after the end too; which. Raises CallError."""
        return await self._context.doors.ask(self.remote_uid, self.signaled_as, output, code)

    def renew(self) -> None:
        """Make a fresh transport beside the one there is: our network changed."""
        self.post(ev.RenewRequested())

    # -- the queue ---------------------------------------------------------------------------------

    def post(
        self, event: ev.Input, local: LocalStream | None = None, *, urgent: bool = False
    ) -> None:
        """Hand in an input of this side, with the media that it brings."""
        self._queue.put(Item(event, local=local), urgent=urgent)

    def post_remote(self, event: ev.Input, signaled_as: str) -> None:
        """Hand in what a message of that conversation means; dropped where they come too fast."""
        if self._queue.full:
            logger.warning("dropped %s from %s: too fast", type(event).__name__, self.remote_uid)
        else:
            self._queue.put(Item(event, signaled_as=signaled_as))

    def _on_control(self, text: str) -> None:
        event = self._signals.received(text, self.remote_uid)
        if event is not None:
            self.post_remote(event, self.signaled_as)

    # -- the run -----------------------------------------------------------------------------------

    async def run(self, wait_for: asyncio.Future[Any] | None = None) -> None:
        """From the first effect to the last transport closed; nothing is said before `wait_for`."""
        reason = CloseReason.SHUTDOWN  # where this task is cancelled
        try:
            if self.direction is Direction.OUTGOING:
                # only an offer is made, which takes as long as the disk, and says nothing
                self._start()
            await self._begin(wait_for)
            # a withdrawal that came in the meantime is next, before any transport does its work
            if self.direction is Direction.INCOMING:
                self._start()
            self._context.owner.stepped(self)
            while self.state is not State.CLOSED:
                await self._step(await self._queue.next(self.rules.next_deadline()))
        except Exception:
            logger.exception("conversation %s failed", self.id)
            reason = CloseReason.UNKNOWN_REASON
        finally:
            self._ensure_closed(reason)
            await self._finish()

    def _start(self) -> None:
        before, effects = self.state, self.rules.start(self._monotonic())
        self.log_state(before, "Decision")
        self._perform(effects)

    async def _begin(self, wait_for: asyncio.Future[Any] | None) -> None:
        """Before anything is said of the call, here or there."""
        try:
            await self._context.owner.begun(self)
            if wait_for is not None:
                await asyncio.wait([wait_for])
        finally:
            self.begun.set()

    async def _step(self, item: Item) -> None:
        event, before, looked = item.event, self.state, self.rules.looks
        if item.is_stale(self.signaled_as, self._transports.knows):
            logger.debug("%s ignores %s: it belongs to what is over", self.id, type(event).__name__)
            return
        try:
            effects, refused = self.rules.handle(event, self._monotonic())
        except Exception:
            # it ends the call; who asked hears of it
            item.settle("the conversation failed")
            raise
        item.settle(refused)
        if refused is not None:
            logger.debug("%s refused: %s", self.id, refused)
            if isinstance(event, ev.ErrorReceived):
                refusals.count(RefusalKind.MESSAGE)
            return
        self.local_stream = item.local or self.local_stream
        self.log_state(before, type(event).__name__)
        if before is State.CONNECTING and self.state is State.ESTABLISHED:
            self._transports.start_counting()
            interval = self._context.options.stats_interval
            self._tasks.spawn(
                report_at_intervals(interval, self.wait_closed, self._sample, self._emit)
            )
        self._perform(effects)
        if (self.state, self.rules.looks) != (before, looked):
            self._context.owner.moved(self, before, looked=looked)
        elif isinstance(event, ev.SelectReceived) and self.rules.accepted:
            self._context.owner.stepped(self)
        async with self._changed:
            self._changed.notify_all()

    def _ensure_closed(self, reason: CloseReason) -> None:
        """Every call ends with its record, or this side stays busy with nobody."""
        if self.record is not None:
            return
        for effect in closing_effects(self.rules, reason, self._monotonic()):
            try:
                self._perform([effect])
            except Exception:
                # the rest must follow all the same
                logger.exception("%s cannot perform %s", self.id, type(effect).__name__)

    async def _finish(self) -> None:
        self._queue.close()
        self._invitations.end()
        self._transports.stop()
        async with self._changed:
            self._changed.notify_all()
        await self._tasks.finish(FINISH_TIMEOUT)

    # -- effects -----------------------------------------------------------------------------------

    def _perform(self, effects: list[ev.Effect]) -> None:
        for effect in effects:
            match effect:
                case ev.InviteAgain():
                    before = self._signals.rename(effect, self.remote_uid)
                    self._context.owner.renamed(self, before)
                case ev.SendInvite():
                    self._invitations.send(effect)
                case ev.SendSelect() | ev.SendCandidate() | ev.SendClose() | ev.SendTalk():
                    self._send(effect)
                case ev.SendError() | ev.SendRinging() | ev.SendResponse():
                    self._send(effect)
                case ev.SendOffer() | ev.SendAnswer():
                    self._send(effect)
                case ev.CreateOffer() | ev.CreateAnswer():
                    self._transports.create(effect, self.local_stream)
                case ev.ScreenTalk():
                    self._screen_talk(effect)
                case ev.ExplainPeer():
                    self._emit(self._transports.explain(effect.generation))
                case ev.ApplyAnswer() | ev.AddCandidate() | ev.ClosePeer():
                    self._transports.perform(effect)
                case ev.StartMedia() | ev.PauseMedia() | ev.ResumeMedia():
                    self._transports.perform(effect)
                case ev.Closed():
                    self._conclude()
                case _:
                    self._emit(effect)

    def _screen_talk(self, offer: ev.ScreenTalk) -> None:
        """Judged and carried out at once, so that nobody else takes the line in between."""
        decision = self._context.owner.screen_talk(self)
        if decision is not None:
            answer = decision.about_talk(offer.generation, offer.sdp)
            self._perform(self.rules.handle(answer, self._monotonic()).effects)

    def _send(self, effect: ev.SignalEffect) -> asyncio.Future[Delivery]:
        return self._signals.send(effect, remote_uid=self.remote_uid)

    def _conclude(self) -> None:
        """`closed`, exactly once: the record goes to everyone who listens, and to whoever waits."""
        now, wall = self._monotonic(), self._context.options.wall()
        self.record = record = make_record(self.rules, self._log, now=now, wall=wall)
        self.log_end(record)
        self._closed.set_result(record)
        self._emit(record)
        self._context.owner.ended(self)

    def _emit(self, event: Any) -> None:
        name = EVENT_NAMES[type(event)]
        if isinstance(event, ev.StreamReceived):
            self.remote_stream.tracks = tuple(RemoteTrack(*track) for track in event.tracks)
        self._emitter.emit(name, callback_argument(event, self, self.remote_stream))
        self._emitter.emit_everything(event)
        self._context.owner.event(self, name, event)

    def _sample(self, reports: bool) -> tuple[LocalStats, RemoteStats] | None:
        """Nothing while nothing arrives, or after the end."""
        return self._transports.sample(reports=reports) if self.state is State.ESTABLISHED else None
