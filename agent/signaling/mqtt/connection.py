"""The broker port on MQTT 5: the event loop's half. The network's half is `link.Link`; what is
published goes through `publisher.Publisher`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from agent.core.call.delivery import Delivery
from agent.core.policy.throttle import Admits
from agent.errors import NotConnected, SignalingError
from agent.signaling.broker import MessageStream, StreamBounds, Will
from agent.signaling.mqtt.broker_advice import NO_QOS_1, Remark
from agent.signaling.mqtt.connection_callbacks import ConnectionCallbacks
from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.link import Link
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.puback import PubAck
from agent.signaling.mqtt.publish_queue import Outgoing, consume
from agent.signaling.mqtt.publisher import Publisher, Wire
from agent.signaling.mqtt.subscriptions import SubscribeResult, Wanted
from agent.signaling.mqtt.terms import Terms
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
        wire = Wire(self._link.send, self._link.forget_messages)
        self._publisher = Publisher(options, wire)
        self._refused_filters: dict[str, str] = {}
        self._weak_filters: dict[str, int] = {}
        self._callbacks = ConnectionCallbacks()
        self._rivals = ConnectionCallbacks()
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
        found = dict(self._publisher.refused_topics)
        if (fault := self._link.will_trial.fault) is not None:
            found.setdefault(self._link.will_trial.topic, fault)
        return found

    @property
    def refused_filters(self) -> dict[str, str]:
        """Subscriptions that the broker refuses, each with a sentence that says so."""
        return dict(self._refused_filters)

    @property
    def advice(self) -> str:
        """What to do about `trouble`; empty where nobody can say."""
        return "" if self._loss is None else self._loss.advice

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What this broker gives less of than was asked for."""
        weak = tuple(
            Remark(
                f"the broker grants {name} with QoS {qos}: what comes while the device is away "
                f"is lost",
                NO_QOS_1,
            )
            for name, qos in self._weak_filters.items()
        )
        return (*(self._terms.remarks if self.connected else ()), *weak)

    @property
    def alive(self) -> bool:
        """Whether the network thread runs, for a watchdog. True as long as the context is open,
        connected or not.
        """
        return self._link.alive

    def on_rival(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call `callback` (True) when the broker says that another client has taken our name, and
        not by accident. Returns what ends that.
        """
        return self._rivals.add(callback)

    def rival_stands(self, stands: bool) -> None:
        """While another one of our name is about it is not fought over at full speed, and what it
        ends is put down to no message.
        """
        self._publisher.rival_stands(stands)
        self._link.rival_stands(stands)

    def clock_stepped(self) -> None:
        """The time of day was set: what was not valid by the clock before may be now."""
        self._link.clock_stepped()

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
            await self._publisher.flush(self._options.close_timeout)
        finally:
            self._closed = True
            self._link.goodbye()
            await self._end_of_thread()
            self._connected.clear()
            self._publisher.close()
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
        future.add_done_callback(consume)
        expires_at = None if expiry is None else self._now() + expiry
        message = Outgoing(
            topic, payload, qos, retain, future, expires_at, response_topic, correlation_data
        )
        if self._closed or self._loop is None:
            message.fail(SignalingError("the connection is closed"))
        else:
            self._publisher.publish(message)
        return future

    def subscribe(
        self,
        *filters: str,
        qos: int = 1,
        essential: bool = False,
        bounds: StreamBounds | None = None,
        throttle: Admits | None = None,
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

    def renew(self, *filters: str) -> None:
        """Have what is retained for these given again on the next connection: some brokers give it
        to no subscription that the session has.
        """
        self._link.subscriptions.renew(*filters)

    def _unsubscribe(self, stream: BoundedStream) -> None:
        orphaned = self._router.remove(stream)
        for name in orphaned:
            self._refused_filters.pop(name, None)
            self._weak_filters.pop(name, None)
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

    # --- what the link says -----------------------------------------------------------------------

    def link_up(self, terms: Terms) -> None:
        self._terms, self._loss = terms, None
        logger.info("connected to the broker %s", self._where)
        self._connected.set()
        self._decided.set()
        self._publisher.up(terms)
        self._callbacks.tell(True)

    def link_down(self, loss: DisconnectReason) -> None:
        was_connected, last = self.connected, self._loss
        self._connected.clear()
        self._router.disconnected()
        self._loss = loss
        if loss.slow:
            self._decided.set()
        words = loss.reason + (f" ({loss.advice})" if loss.advice else "")
        if was_connected:
            logger.warning("lost the broker %s: %s", self._where, words)
        elif last is None or last.reason != loss.reason:
            logger.warning("no connection to the broker %s: %s; trying on", self._where, words)
        self._publisher.down(cut=loss.cut)
        if loss.rival:
            self._rivals.tell(True)
        if was_connected:
            self._callbacks.tell(False)

    def link_published(self, mid: int, said: PubAck) -> None:
        self._publisher.published(mid, said)

    def link_stopped(self) -> None:
        self._stopped.set()

    def link_subscribed(self, answers: Sequence[SubscribeResult]) -> None:
        for answer in answers:
            name = answer.wanted.topic_filter
            self._refused_filters.pop(name, None)
            self._weak_filters.pop(name, None)
            if answer.refusal is not None:
                self._refused_filters[name] = answer.refusal
            elif answer.granted < answer.wanted.qos:
                self._weak_filters[name] = answer.granted
            self._router.answered(name, answer.refusal)

    def _post(self, function: Callable[..., None], *arguments: Any) -> None:
        """Run `function` on the event loop; from any thread."""
        if self._loop is not None:
            # the loop is closed: nobody is left to hear it
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, *arguments)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
