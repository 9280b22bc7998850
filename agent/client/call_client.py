"""The public Python API: `CallClient` calls and is called, a `Conversation` is one call.

    async with CallClient.connect("mqtt://user:password@host", uid="front-desk") as client:
        conversation = client.call("door-1")
        conversation.on("response", print)
        record = await conversation.wait_closed()

A callback may be a function or a coroutine function. `call_events` says what each event of a
conversation calls back with.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from agent import RELEASED
from agent.client.active_calls import ActiveCalls
from agent.client.call_context import CallObserver, ClientOptions
from agent.client.conversation import Conversation
from agent.client.emitter import Emitter, Unsubscribe
from agent.client.tasks import Tasks
from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallMode, CallStatus, CloseReason, Purpose
from agent.errors import InvalidStateError
from agent.ports import CallScreening, LocalStream, PeerFactory, Signal, Signaling

logger = logging.getLogger(__name__)

# messages; each waits for the disk to know of the calls before it
MAX_UNACKNOWLEDGED = 64
# seconds for all conversations to say goodbye, which takes no more than a turn of the loop each
CLOSE_TIMEOUT = 2.0
# seconds after that for their transports to end
FINISH_TIMEOUT = 3.0


class CallClient:
    """One party of one uid: places calls, and is called. Use it as an async context.

    `screening` is asked who gets in; without it the application accepts, rejects or rings each call
    that it is told of by `called`. `local_stream` is what is sent in calls that `screening`
    accepts, and wherever no other is named; `stream_for` may name another for one invitation.
    `observer` is told what happens to every conversation.
    """

    def __init__(
        self,
        signaling: Signaling,
        peers: PeerFactory,
        options: ClientOptions | None = None,
        *,
        screening: CallScreening | None = None,
        observer: CallObserver[Conversation] | None = None,
        local_stream: LocalStream | None = None,
        stream_for: Callable[[ev.Invitation], LocalStream] | None = None,
    ) -> None:
        self.options = options or ClientOptions()
        self.signaling = signaling
        self._local_stream = local_stream or LocalStream()
        self._tasks = Tasks(f"client {signaling.uid}")
        self._emitter = Emitter(self._tasks.spawn, ("called", "conversations", "open"))
        self._calls = ActiveCalls(
            signaling,
            peers,
            self.options,
            self._emitter,
            self._tasks.spawn,
            screening=screening,
            observer=observer,
            stream_for=stream_for or (lambda _: self._local_stream),
        )
        self._handled: asyncio.Queue[tuple[Signal, Conversation | None]] = asyncio.Queue(
            MAX_UNACKNOWLEDGED
        )
        self._receiver: asyncio.Future[None] | None = None
        self._acknowledger: asyncio.Future[None] | None = None
        self._closing = False

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        uid: str,
        prefix: str = "callbox/v1",
        password: str | None = None,
        ca_file: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        timeout: float = 10.0,
        options: ClientOptions | None = None,
        local_stream: LocalStream | None = None,
    ) -> AsyncIterator[Self]:
        """A client on the broker at `url`: `mqtt://`, `mqtts://`, `ws://` or `wss://`, with
        `user:password@` (percent-encoded), or `user@` and `password`, where it asks for one. Files
        are PEM.

        Raises ConfigurationError for an unusable `url` or `uid`, SignalingError for a file that
        cannot be read, and NotConnected where the broker refuses or does not answer within
        `timeout` seconds.
        """
        # the composition root of a script: nothing in this package knows an adapter
        from agent.connect import BrokerUrl, connected

        address = BrokerUrl.parse(
            url, password=password, ca_file=ca_file, cert_file=cert_file, key_file=key_file
        )
        async with connected(address, uid=uid, prefix=prefix, timeout=timeout) as link:
            client = cls(link.signaling, link.peers, options, local_stream=local_stream)
            async with client, link.watching_addresses(client.network_changed):
                yield client

    @property
    def conversations(self) -> dict[str, Conversation]:
        """Those that are open, by id; who is turned away has none."""
        return self._calls.conversations

    @property
    def busy(self) -> bool:
        """Whether no further conversation can be taken."""
        return self._calls.busy

    @property
    def uid(self) -> str:
        return self.signaling.uid

    async def __aenter__(self) -> Self:
        self._receiver = self._tasks.spawn(self._receive())
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
        if self._receiver is not None:
            self._receiver.cancel()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await asyncio.gather(
                    *(each.close(reason) for each in tuple(self._calls.signaled.values()))
                )
                await self._handled.join()
        except TimeoutError:
            logger.warning("%d conversations do not end in time", len(self._calls.signaled))
        finally:
            if self._acknowledger is not None:
                self._acknowledger.cancel()

    # -- the application ---------------------------------------------------------------------------

    def on(self, name: str, callback: Callable[..., Awaitable[None] | None]) -> Unsubscribe:
        """`called`: `callback(conversation)`, which accepts, rejects or rings. `conversations`:
        their number changed, or one was lost or lives again. `open`: `callback(DoorAsked)`, which
        answers.

        Returns what ends that. Raises ValueError for a name that there is not.
        """
        return self._emitter.on(name, callback)

    def subscribe(
        self, callback: Callable[[Conversation, str, Any], Awaitable[None] | None]
    ) -> Unsubscribe:
        """`callback(conversation, name, event)` for every event of every conversation."""
        return self._emitter.on_everything(callback)

    def call(
        self,
        to: str | Iterable[str],
        local_stream: LocalStream | None = None,
        *,
        user_data: Any = None,
        lifetime: float = 30.0,
        mode: CallMode = CallMode.PARALLEL,
        grant: ev.MediaGrant | None = None,
        purpose: Purpose = Purpose.TALK,
        wait_for: asyncio.Future[Any] | None = None,
    ) -> Conversation:
        """Invite `to`, one uid or several; `lifetime` is 1 to 120 seconds, `user_data` JSON of at
        most 4 KiB. A view (`Purpose.VIEW`) only looks: it sends nothing, and takes no line on
        either side. Where `to` invites us as well, one of the two conversations takes the place of
        the other (PROTOCOL 3): this one may end with `answered_elsewhere`, and its record names the
        one that goes on.

        What is added to `user_data` before somebody is invited goes along; nobody is before
        `wait_for` is over, beside which the offer is made.

        Raises InvalidStateError where no further conversation is allowed, ValueError for what
        cannot be said.
        """
        if self._receiver is None or self._closing:
            raise InvalidStateError("the client is not open")
        targets = [to] if isinstance(to, str) else list(to)
        if purpose is Purpose.TALK and not self._calls.may_call(targets):
            raise InvalidStateError(
                f"{self.uid} has {len(self.conversations)} conversations, the most that it may have"
            )
        self.signaling.check_invitation(targets, lifetime, user_data)
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
            clock_is_set=self.options.wall() >= RELEASED,
            purpose=purpose,
        )
        return self._calls.place(rules, local_stream or self._local_stream, wait_for)

    def take_view(self, conversation: Conversation) -> None:
        """A person here has whoever looks talk (PROTOCOL 6, `accept`), by the transport that there
        is; its sound follows with the next one. A call of this side that rings out ends with
        `answered_elsewhere`. Raises InvalidStateError where the rules let it not talk.
        """
        self._calls.take_view(conversation)

    def look_again(self, conversation: Conversation) -> None:
        """Whoever was let talk by `take_view`, and has said nothing for a while, only looks."""
        conversation.post(ev.ViewRequested())

    def end_all(self, reason: CloseReason) -> None:
        """End every conversation, and refuse what rings, all for `reason`; new ones may come."""
        for each in tuple(self._calls.signaled.values()):
            if each.state in (State.INVITED, State.RINGING):
                each.post(ev.RejectRequested(CallStatus.REJECTED, reason.value))
            else:
                each.hang_up(reason)

    def over(self, conversation: str, remote_uid: str, reason: CloseReason) -> None:
        """A conversation of an earlier process; to be told before this one opens.

        The broker may bring its invitation again.
        """
        self._calls.over(conversation, remote_uid, reason)

    # -- signals -----------------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            signal = await self.signaling.receive()
            begins = None
            try:
                begins = self._calls.handle(signal)
            except Exception:
                # whatever one message brings, the next one is served
                logger.exception("a signal could not be handled")
            await self._handled.put((signal, begins))

    async def _acknowledge(self) -> None:
        """In the order of arrival. An invitation when its call has begun: until then the broker
        keeps it.
        """
        while True:
            signal, begins = await self._handled.get()
            if begins is not None:
                await begins.begun.wait()
            signal.ack()
            self._handled.task_done()
