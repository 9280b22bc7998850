"""The broker port on a `FakeNetwork`.

`tests/signaling/test_broker.py` holds it to the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Self

from agent.core.call.delivery import Delivery
from agent.errors import NotConnected, SignalingError
from agent.signaling.broker import Incoming, MessageStream, Will
from agent.signaling.router import BoundedStream, Router
from tests.fakes.network import FakeNetwork, Message


class FakeBroker:
    """The broker port on a `FakeNetwork`."""

    def __init__(
        self,
        network: FakeNetwork,
        client_id: str,
        *,
        will: Will | None = None,
        max_queued: int = 1000,
    ) -> None:
        self.client_id = client_id
        self.will = will
        self.comes_back = True
        self._network = network
        self._max_queued = max_queued
        self._epoch = 0
        self._connected = asyncio.Event()
        self._closed = False
        self._waiting: deque[tuple[Message, asyncio.Future[Delivery]]] = deque()
        self._router = Router()
        # subscriptions that ended while there was no connection
        self._dropped: set[str] = set()
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
        self.lost()
        self.come_back()

    async def __aenter__(self) -> Self:
        self._network.attach(self)
        self.come_back()
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
        self._router.end()

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
    ) -> asyncio.Future[Delivery]:
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        expires_at = math.inf if expiry is None else self._network.now + expiry
        message = Message(topic, payload, qos, retain, expires_at, response_topic, correlation_data)
        if self._closed:
            _fail(future, SignalingError("the connection is closed"))
        elif "+" in topic or "#" in topic:
            _fail(future, SignalingError(f"cannot publish to {topic}"))
        elif self.connected:
            future.set_result(self._network.publish(message))
        elif qos == 0:
            _fail(future, NotConnected("dropped: QoS 0 while not connected"))
        elif len(self._waiting) >= self._max_queued:
            _fail(future, SignalingError("the queue to the broker is full"))
        else:
            self._waiting.append((message, future))
        return future

    def subscribe(self, *filters: str, **wishes: Any) -> MessageStream:
        """`wishes` are the port's; the stream knows them, and refuses others."""
        stream = BoundedStream(
            filters,
            **wishes,
            post=lambda function, *arguments: function(*arguments),
            on_close=self._unsubscribe,
        )
        if self._closed:
            stream.end()
            return stream
        self._router.add(stream)
        for name in filters:
            self._dropped.discard(name)
            if self.connected:
                self._ask(name)
        return stream

    def _ask(self, topic_filter: str) -> None:
        self._network.subscribe(self, topic_filter, self._router.wanted(topic_filter)[0])
        self._router.answered(topic_filter, None)

    def _unsubscribe(self, stream: BoundedStream) -> None:
        for name in self._router.remove(stream):
            if self.connected:
                self._network.unsubscribe(self, name)
            else:
                self._dropped.add(name)

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

    def come_back(self) -> None:
        asyncio.get_running_loop().call_soon(self._connect)

    def _connect(self) -> None:
        if self._closed or self.connected or not self.comes_back or not self._network.up:
            return
        self._epoch += 1
        self._network.connect(self)
        for name in self._dropped:
            self._network.unsubscribe(self, name)
        self._dropped.clear()
        self._connected.set()
        for name in dict.fromkeys(name for each in self._router.streams for name in each.filters):
            self._ask(name)
        while self._waiting:
            message, future = self._waiting.popleft()
            if message.expires_at <= self._network.now:
                _fail(future, SignalingError("expired before it could be sent"))
                continue
            delivery = self._network.publish(message)
            if not future.done():
                future.set_result(delivery)
        self._tell(True)

    def lost(self) -> None:
        if self.connected:
            self._connected.clear()
            self._router.disconnected()
            self._tell(False)

    def _tell(self, connected: bool) -> None:
        for callback in tuple(self._callbacks):
            # as the real one, which logs it
            with contextlib.suppress(Exception):
                callback(connected)

    def arrive(self, message: Message, key: int) -> None:
        readers = self._router.readers(message.topic, len(message.payload))
        self._router.dispatch(
            Incoming(
                topic=message.topic,
                payload=message.payload,
                qos=message.qos,
                retain=message.retain,
                response_topic=message.response_topic,
                correlation_data=message.correlation_data,
                on_ack=partial(self._ack, self._epoch, key) if message.qos else None,
            ),
            readers,
        )

    def _ack(self, epoch: int, key: int) -> None:
        if epoch == self._epoch and self.connected:
            self._network.ack(self, key)


def _fail(future: asyncio.Future[Delivery], error: SignalingError) -> None:
    if not future.done():
        future.set_exception(error)
