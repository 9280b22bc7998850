"""The broker port on MQTT 5: the event loop's half. The network's half is `link.Link`.

What is published waits here, in a bounded queue, and goes to paho only while connected and only as
many at a time as the broker takes. So paho never holds more than that window, nothing is sent that
has outlived its expiry while we were away, and a broker's Receive Maximum is kept after a reconnect
as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from agent.core.policy.throttle import Throttle
from agent.errors import NotConnected, SignalingError
from agent.signaling.broker import MessageStream, StreamBounds, Will
from agent.signaling.mqtt.connection_callbacks import ConnectionCallbacks
from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.link import Link
from agent.signaling.mqtt.link_listener import Terms
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.publish_queue import Outgoing, PublishQueue, consume
from agent.signaling.mqtt.subscriptions import SubscribeResult, Wanted
from agent.signaling.mqtt.suspects import SET_ASIDE, PublishSuspects
from agent.signaling.router import BoundedStream, Router

logger = logging.getLogger(__name__)

# seconds for the network thread to end
_THREAD_TIMEOUT = 2.0


class MqttBroker:
    """See `agent.signaling.broker.Broker`. Used once, as a context."""

    def __init__(self, options: MqttOptions, *, will: Will | None = None) -> None:
        self._options = options
        self._where = f"{options.host}:{options.port}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._router = Router()
        self._link = Link(options, will, self._router, self, self._post)
        self._terms = Terms()
        self._connected = asyncio.Event()
        # it was connected once, or trying again soon cannot help
        self._decided = asyncio.Event()
        self._loss: DisconnectReason | None = None
        self._queue = PublishQueue(options.max_queued, options.max_queued_bytes)
        self._handed: dict[int, Outgoing] = {}
        self._suspects = PublishSuspects()
        self._settled = asyncio.Event()
        self._callbacks = ConnectionCallbacks()
        self._closed = False
        self._stopped = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Connected, and subscribed."""
        return self._connected.is_set()

    @property
    def trouble(self) -> str | None:
        """Why there is no connection, once an attempt has failed; None while there is one."""
        return None if self._loss is None else self._loss.reason

    @property
    def refused_topics(self) -> dict[str, str]:
        """Topics of which the broker takes no messages, with the reason. Where it ends the
        connection for them, nothing is published to them but for a trial once in a while.
        """
        return self._suspects.topics

    @property
    def alive(self) -> bool:
        """Whether the network thread runs, for a watchdog. True as long as the context is open,
        connected or not.
        """
        return self._link.alive

    def addresses_changed(self) -> None:
        """This machine has other addresses now. A connection from one that is gone is made anew at
        once.
        """
        self._link.leave_lost_address()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._link.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._flush()
        finally:
            self._closed = True
            self._link.goodbye()
            await self._end_of_thread()
            self._connected.clear()
            self._give_up()
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
    ) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(consume)
        expires_at = None if expiry is None else self._now() + expiry
        message = Outgoing(
            topic, payload, qos, retain, future, expires_at, response_topic, correlation_data
        )
        if self._closed or self._loop is None:
            message.fail(SignalingError("the connection is closed"))
        elif self._suspects.refuses(topic, self._now()):
            message.fail(SignalingError(SET_ASIDE))
        elif qos == 0:
            self._publish_at_most_once(message)
        elif self._queue.put(message):
            self._pump()
        else:
            message.fail(SignalingError("the queue to the broker is full"))
        return future

    def subscribe(
        self,
        *filters: str,
        qos: int = 1,
        essential: bool = False,
        bounds: StreamBounds | None = None,
        throttle: Throttle | None = None,
    ) -> MessageStream:
        stream = BoundedStream(
            filters,
            qos=qos,
            essential=essential,
            bounds=bounds,
            throttle=throttle,
            post=self._post,
            on_close=self._unsubscribe,
        )
        if self._closed:
            stream.end()
            return stream
        self._router.add(stream)
        self._link.subscriptions.want(*self._wanted(filters))
        return stream

    def _unsubscribe(self, stream: BoundedStream) -> None:
        orphaned = self._router.remove(stream)
        # before the context was entered, or while it is open; after that nobody listens
        self._link.subscriptions.drop(*orphaned)

    def _wanted(self, filters: Sequence[str]) -> list[Wanted]:
        return [Wanted(name, *self._router.wanted(name)) for name in filters]

    def on_connection(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        return self._callbacks.add(callback)

    async def wait_connected(self, timeout: float) -> None:
        await self._wait(self._connected, timeout)

    async def wait_decided(self, timeout: float) -> None:
        """`wait_connected` for a person: raises NotConnected as soon as trying again soon cannot
        help, as well.
        """
        await self._wait(self._decided, timeout)
        if not self.connected:
            raise NotConnected(f"broker {self._where}: {self.trouble}")

    async def _wait(self, event: asyncio.Event, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await event.wait()
        except TimeoutError:
            reason = self.trouble or "no answer"
            raise NotConnected(
                f"broker {self._where}: not connected after {timeout:g} s ({reason})"
            ) from None

    # --- outgoing ---------------------------------------------------------------------------------

    def _publish_at_most_once(self, message: Outgoing) -> None:
        if not self.connected:
            message.fail(NotConnected("dropped: QoS 0 while not connected"))
        elif message.fits(self._terms.packet_size) and self._hand_over(message) is not None:
            self._suspects.sent_qos_0(message.topic, self._now())
            message.future.set_result(None)

    def _pump(self) -> None:
        """Hand over as much as the broker takes."""
        while self.connected and len(self._handed) < self._window:
            message, expired = self._queue.take(self._now())
            for late in expired:
                late.fail(SignalingError("expired before it could be sent"))
            if message is None:
                break
            if not message.fits(self._terms.packet_size):
                continue
            mid = self._hand_over(message)
            if mid is not None:
                self._handed[mid] = message
            elif not message.future.done():
                self._queue.put_back(message)
                break
        self._settle()

    @property
    def _window(self) -> int:
        return 1 if self._suspects.one_at_a_time else self._terms.inflight

    def _hand_over(self, message: Outgoing) -> int | None:
        expiry = (
            None
            if message.expires_at is None
            else max(1, math.ceil(message.expires_at - self._now()))
        )
        message.handed_at = self._now()
        try:
            return self._link.send(message, expiry)
        except SignalingError as error:
            logger.warning("%s", error)
            message.fail(error)
            return None

    def _settle(self) -> None:
        """Note whether there is anything left that waiting could bring across."""
        if self._loss is not None or not (self._queue or self._handed):
            self._settled.set()
        else:
            self._settled.clear()

    async def _flush(self) -> None:
        self._settle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.close_timeout):
                await self._settled.wait()

    async def _end_of_thread(self) -> None:
        try:
            async with asyncio.timeout(_THREAD_TIMEOUT):
                await self._stopped.wait()
            self._link.join()
        except TimeoutError:
            # It hangs in a name look-up or a connect, ends by itself after that, and talks to
            # nobody any more.
            logger.warning(
                "the MQTT thread is still busy connecting to %s; leaving it behind", self._where
            )

    def _give_up(self) -> None:
        rest = [*self._handed.values(), *self._queue.clear()]
        self._handed.clear()
        for message in rest:
            message.fail(
                SignalingError("the connection was closed before the broker had acknowledged it"),
            )
        if rest:
            logger.warning("%d messages to %s were not acknowledged", len(rest), self._where)

    # --- what the link says -----------------------------------------------------------------------

    def link_up(self, terms: Terms) -> None:
        self._terms, self._loss = terms, None
        self._suspects.connected(self._now())
        logger.info("connected to the broker %s", self._where)
        self._connected.set()
        self._decided.set()
        self._pump()
        self._callbacks.tell(True)

    def link_down(self, loss: DisconnectReason) -> None:
        was_connected, last = self.connected, self._loss
        self._connected.clear()
        self._router.disconnected()
        self._loss = loss
        if loss.slow:
            self._decided.set()
        if was_connected:
            logger.warning("lost the broker %s: %s", self._where, loss.reason)
        elif last is None or last.reason != loss.reason:
            logger.warning(
                "no connection to the broker %s: %s; trying on", self._where, loss.reason
            )
        if was_connected and loss.cut:
            self._suspect()
        self._settle()
        if was_connected:
            self._callbacks.tell(False)

    def _suspect(self) -> None:
        """The broker has ended the connection: see whether it does so for one topic."""
        oldest = next(iter(self._handed.values()), None)
        alone, topic = self._suspects.lost(oldest, self._now())
        if alone:
            # paho would send them all at once
            self._link.forget_messages()
            self._queue.put_back(*self._handed.values())
            self._handed.clear()
        for message in self._queue.remove(topic) if topic is not None else ():
            message.fail(SignalingError(SET_ASIDE))

    def link_published(self, mid: int, refusal: str | None) -> None:
        message = self._handed.pop(mid, None)
        if message is None:  # QoS 0
            return
        self._suspects.acknowledged(message.topic, refusal)
        if not (self._handed or self._queue):
            self._suspects.drained()
        if refusal is not None:
            logger.warning("the broker refuses a message to %s: %s", message.topic, refusal)
            message.fail(SignalingError(f"refused by the broker: {refusal}"))
        elif not message.future.done():
            message.future.set_result(None)
        self._pump()

    def link_stopped(self) -> None:
        self._stopped.set()

    def link_subscribed(self, answers: Sequence[SubscribeResult]) -> None:
        for answer in answers:
            self._router.answered(answer.wanted.topic_filter, answer.refusal)

    def _post(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run `function` on the event loop; from any thread."""
        if self._loop is not None:
            # the loop is closed: nobody is left to hear it
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, *arguments)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
