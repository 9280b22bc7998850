"""A broker in memory with the semantics of MQTT 5, and the port to it.

`tests/signaling/mqtt/test_broker_contract.py` holds it to the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Self

from paho.mqtt.client import topic_matches_sub

from agent.errors import NotConnected, SignalingError
from agent.signaling.broker import Incoming, Will
from agent.signaling.protocol.topics import wants_retained


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the network carries it. `expires_at` is on the network's clock."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expires_at: float = math.inf
    response_topic: str | None = None
    correlation_data: bytes | None = None


@dataclass(slots=True)
class _Session:
    """What the broker remembers of a client: its subscriptions, and the QoS 1 messages that it has
    not acknowledged.
    """

    subscriptions: tuple[tuple[str, int], ...] = ()
    unacked: dict[int, Message] = field(default_factory=dict)
    client: FakeBroker | None = None
    will_due: tuple[float, Will] | None = None


class FakeNetwork:
    """The broker itself. Its clock stands still until `advance`."""

    def __init__(self) -> None:
        self.up = True
        self.now = 0.0
        self.published: list[Message] = []
        self.retained: dict[str, Message] = {}
        self._sessions: dict[str, _Session] = {}
        self._clients: list[FakeBroker] = []
        self._ids = itertools.count(1)

    def stop(self, *, forget: bool = True) -> None:
        """Everyone is cut off; without `forget` the sessions and retained messages outlast it."""
        self.up = False
        for client in self._clients:
            client._lost()
        if forget:
            self._sessions.clear()
            self.retained.clear()

    def start(self) -> None:
        """Everyone comes back."""
        self.up = True
        for client in self._clients:
            client._come_back()

    def advance(self, seconds: float) -> None:
        """Let time pass: wills fall due, messages expire."""
        self.now += seconds
        for session in self._sessions.values():
            if session.will_due is not None and session.will_due[0] <= self.now:
                will, session.will_due = session.will_due[1], None
                self.publish(Message(will.topic, will.payload, will.qos, will.retain))

    def publish(self, message: Message) -> None:
        """Take a message in, and pass it on to whoever subscribed."""
        self.published.append(message)
        if message.retain:
            self.retained.pop(message.topic, None)
            if message.payload:
                self.retained[message.topic] = message
        for session in self._sessions.values():
            granted = [
                qos for name, qos in session.subscriptions if topic_matches_sub(name, message.topic)
            ]
            if granted:
                self._deliver(session, replace(message, qos=min(message.qos, max(granted))))

    def attach(self, client: FakeBroker) -> None:
        self._clients.append(client)

    def detach(self, client: FakeBroker) -> None:
        self._clients.remove(client)

    def connect(self, client: FakeBroker) -> None:
        session = self._sessions.setdefault(client.client_id, _Session())
        if session.client is not None and session.client is not client:
            session.client._lost()
        session.client, session.subscriptions, session.will_due = client, client.subscriptions, None
        for key, message in tuple(session.unacked.items()):
            self._hand_out(session, key, message)
        for name, qos in session.subscriptions:
            for message in tuple(self.retained.values()):
                if wants_retained(name) and topic_matches_sub(name, message.topic):
                    self._deliver(session, replace(message, qos=min(qos, message.qos)))

    def disconnect(self, client: FakeBroker, *, cleanly: bool) -> None:
        session = self._sessions.get(client.client_id)
        if session is None or session.client is not client:
            return
        session.client = None
        if client.will is not None and not cleanly:
            session.will_due = (self.now + client.will.delay, client.will)
            self.advance(0)

    def ack(self, client: FakeBroker, key: int) -> None:
        session = self._sessions.get(client.client_id)
        if session is not None:
            session.unacked.pop(key, None)

    def _deliver(self, session: _Session, message: Message) -> None:
        key = next(self._ids)
        if message.qos:
            session.unacked[key] = message
        self._hand_out(session, key, message)

    def _hand_out(self, session: _Session, key: int, message: Message) -> None:
        if session.client is None:
            return
        if message.expires_at <= self.now:
            session.unacked.pop(key, None)
            return
        session.client._arrive(message, key)


class FakeBroker:
    """The broker port on a `FakeNetwork`."""

    def __init__(
        self,
        network: FakeNetwork,
        client_id: str,
        *,
        subscriptions: Sequence[tuple[str, int]] = (),
        will: Will | None = None,
        max_queued: int = 1000,
    ) -> None:
        self.client_id = client_id
        self.subscriptions = tuple(subscriptions)
        self.will = will
        self.comes_back = True
        self._network = network
        self._max_queued = max_queued
        self._epoch = 0
        self._connected = asyncio.Event()
        self._closed = False
        self._waiting: deque[tuple[Message, asyncio.Future[None]]] = deque()
        self._inbox: deque[Incoming] = deque()
        self._arrived = asyncio.Event()
        self._callbacks: list[Callable[[bool], None]] = []

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    def drop(self, *, comes_back: bool = True) -> None:
        """Cut the connection without a goodbye; it is made again at once, unless the client is
        dead.
        """
        self.comes_back = comes_back
        self._network.disconnect(self, cleanly=False)
        self._lost()
        self._come_back()

    async def __aenter__(self) -> Self:
        self._network.attach(self)
        self._come_back()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._network.up and self.comes_back and not self.connected:
            # the connection is under way
            await asyncio.sleep(0)
        self._closed = True
        self._network.disconnect(self, cleanly=True)
        self._network.detach(self)
        self._connected.clear()
        for _, future in self._waiting:
            _fail(
                future,
                SignalingError("the connection was closed before the broker had acknowledged it"),
            )
        self._arrived.set()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry: int | None = None,
        response_topic: str | None = None,
        correlation_data: bytes | None = None,
    ) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        expires_at = math.inf if expiry is None else self._network.now + expiry
        message = Message(topic, payload, qos, retain, expires_at, response_topic, correlation_data)
        if self._closed:
            _fail(future, SignalingError("the connection is closed"))
        elif "+" in topic or "#" in topic:
            _fail(future, SignalingError(f"cannot publish to {topic}"))
        elif self.connected:
            self._network.publish(message)
            future.set_result(None)
        elif qos == 0:
            _fail(future, NotConnected("dropped: QoS 0 while not connected"))
        elif len(self._waiting) >= self._max_queued:
            _fail(future, SignalingError("the queue to the broker is full"))
        else:
            self._waiting.append((message, future))
        return future

    async def incoming(self) -> Incoming:
        while not self._inbox:
            if self._closed:
                raise SignalingError("the connection is closed")
            self._arrived.clear()
            await self._arrived.wait()
        return self._inbox.popleft()

    def on_connection(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        self._callbacks.append(callback)

        def remove() -> None:
            with contextlib.suppress(ValueError):
                self._callbacks.remove(callback)

        return remove

    async def wait_connected(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self._connected.wait()
        except TimeoutError:
            raise NotConnected(f"not connected after {timeout:g} s") from None

    def _come_back(self) -> None:
        asyncio.get_running_loop().call_soon(self._connect)

    def _connect(self) -> None:
        if self._closed or self.connected or not self.comes_back or not self._network.up:
            return
        self._epoch += 1
        self._network.connect(self)
        self._connected.set()
        while self._waiting:
            message, future = self._waiting.popleft()
            if message.expires_at <= self._network.now:
                _fail(future, SignalingError("expired before it could be sent"))
                continue
            self._network.publish(message)
            if not future.done():
                future.set_result(None)
        self._tell(True)

    def _lost(self) -> None:
        if self.connected:
            self._connected.clear()
            self._tell(False)

    def _tell(self, connected: bool) -> None:
        for callback in tuple(self._callbacks):
            # as the real one, which logs it
            with contextlib.suppress(Exception):
                callback(connected)

    def _arrive(self, message: Message, key: int) -> None:
        self._inbox.append(
            Incoming(
                topic=message.topic,
                payload=message.payload,
                qos=message.qos,
                retain=message.retain,
                response_topic=message.response_topic,
                correlation_data=message.correlation_data,
                on_ack=partial(self._ack, self._epoch, key) if message.qos else None,
            )
        )
        self._arrived.set()

    def _ack(self, epoch: int, key: int) -> None:
        if epoch == self._epoch and self.connected:
            self._network.ack(self, key)


def _fail(future: asyncio.Future[None], error: SignalingError) -> None:
    if not future.done():
        future.set_exception(error)
