"""What is published: waiting, handed to paho, acknowledged; the event loop's half of it.

What waits is bounded, and goes to paho only while connected and only as many at a time as the
broker takes. So paho never holds more than that window, nothing is sent that has outlived its
expiry while we were away, and a broker's Receive Maximum is kept after a reconnect as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.core.call.delivery import Delivery
from agent.errors import NotConnected, SignalingError
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.puback import PubAck
from agent.signaling.mqtt.publish_queue import Outgoing, PublishQueue, consume
from agent.signaling.mqtt.suspects import UNANSWERED, PublishSuspects
from agent.signaling.mqtt.terms import Terms

logger = logging.getLogger(__name__)

# seconds that a message may go unacknowledged while the broker answers all else; and while it
# acknowledges what was sent later
UNANSWERED_AFTER = 20.0
OVERTAKEN_AFTER = 5.0
# seconds on a connection until what is retained and was held back goes again: most of it is said
# on each connect anyhow
AGAIN_AFTER = 1.0


@dataclass(frozen=True, slots=True)
class Wire:
    """What carries messages. `send` gives the id of one that was handed over, and None where there
    is no room; it raises SignalingError for one that cannot be carried. `forget` has nothing sent
    again that was handed over.
    """

    send: Callable[[Outgoing, int | None], int | None]
    forget: Callable[[], None]


class Publisher:
    """Of one client. What becomes of a message is in its future."""

    def __init__(self, options: MqttOptions, wire: Wire) -> None:
        self._where = f"{options.host}:{options.port}"
        self._wire = wire
        self._queue = PublishQueue(options.max_queued, options.max_queued_bytes)
        self._handed: dict[int, Outgoing] = {}
        # handed over and given up; paho has them still
        self._given_up: dict[int, Outgoing] = {}
        self._suspects = PublishSuspects()
        self._terms = Terms()
        self._connected = False
        # waiting could bring nothing across
        self._hopeless = False
        # of each topic that is set aside, what was to be retained last
        self._held: dict[str, Outgoing] = {}
        self._again: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def refused_topics(self) -> dict[str, str]:
        return self._suspects.topics

    def publish(self, message: Outgoing) -> None:
        why = self._suspects.refuses(message.topic, self._now())
        if why is not None:
            message.fail(SignalingError(why))
            self._hold(message)
            return
        self._held.pop(message.topic, None)
        if message.qos == 0:
            self._publish_at_most_once(message)
        elif self._queue.put(message):
            self._pump()
        else:
            message.fail(SignalingError("the queue to the broker is full"))

    def up(self, terms: Terms) -> None:
        """There is a connection, on which the broker allows this."""
        self._terms, self._connected, self._hopeless = terms, True, False
        self._suspects.connected(self._now())
        self._watch()
        self._try_later()
        self._pump()

    def down(self, *, cut: bool) -> None:
        """There is none; `cut`: the broker has ended it, maybe for what was published."""
        was_connected, self._connected, self._hopeless = self._connected, False, True
        if was_connected and cut:
            self._suspect()
        # what paho sends again comes before the broker's consent, and may be what it cuts
        early = cut and not was_connected and bool(self._handed)
        if self._given_up or (early and self._suspects.one_at_a_time):
            self._start_afresh()
        self._settle()

    def rival_stands(self, stands: bool) -> None:
        """Whether another client of our name is about, which ends our connections."""
        self._suspects.rival_stands(stands)
        self._try_later()

    def published(self, mid: int, said: PubAck) -> None:
        """The broker has acknowledged a message, or has refused it."""
        message = self._handed.pop(mid, None) or self._given_up.pop(mid, None)
        if message is None:  # QoS 0
            return
        self._suspects.acknowledged(message.topic, said.refusal)
        self._give_up_overtaken(message)
        if not (self._handed or self._queue):
            self._suspects.drained()
        if said.error is not None:
            logger.warning("the broker refuses a message to %s: %s", message.topic, said.refusal)
            message.fail(said.error)
        elif not message.future.done():
            message.future.set_result(said.delivery)
        self._pump()

    async def flush(self, timeout: float) -> None:
        """Wait until all has been acknowledged that waiting could bring across; seconds."""
        self._settle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._settled.wait()

    def close(self) -> None:
        """Nothing is sent any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._again is not None:
            self._again.cancel()
        self._held.clear()
        rest = [*self._handed.values(), *self._queue.clear()]
        self._handed.clear()
        self._given_up.clear()
        for message in rest:
            message.fail(
                SignalingError("the connection was closed before the broker had acknowledged it"),
            )
        if rest:
            logger.warning("%d messages to %s were not acknowledged", len(rest), self._where)

    # --- to paho ----------------------------------------------------------------------------------

    def _publish_at_most_once(self, message: Outgoing) -> None:
        if not self._connected:
            message.fail(NotConnected("dropped: QoS 0 while not connected"))
        elif message.fits(self._terms.packet_size) and self._hand_over(message) is not None:
            self._suspects.sent_qos_0(message.topic, self._now())
            message.future.set_result(Delivery.TAKEN)

    def _pump(self) -> None:
        """Hand over as much as the broker takes."""
        while self._connected and len(self._handed) < self._window:
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
                self._watch()
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
            return self._wire.send(message, expiry)
        except SignalingError as error:
            logger.warning("%s", error)
            message.fail(error)
            return None

    def _settle(self) -> None:
        """Note whether there is anything left that waiting could bring across."""
        if self._hopeless or not (self._queue or self._handed):
            self._settled.set()
        else:
            self._settled.clear()

    # --- what the broker does not take ------------------------------------------------------------

    def _suspect(self) -> None:
        """The broker has ended the connection: see whether it does so for one topic."""
        alone, topic = self._suspects.lost([*self._handed.values()], self._now())
        if alone:
            # paho would send them all at once
            self._start_afresh()
        for message in self._queue.remove(topic) if topic is not None else ():
            message.fail(SignalingError(self._suspects.topics[message.topic]))
            self._hold(message)

    def _hold(self, message: Outgoing) -> None:
        """What is retained changes seldom: its latest is sent once its topic is tried again."""
        if message.retain:
            self._held[message.topic] = message
            self._try_later()

    def _try_later(self) -> None:
        """Look at what is held as soon as a topic of it may be tried again."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._held and self._connected:
            due = min(self._suspects.due(topic) for topic in self._held)
            if due < math.inf:
                wait = max(AGAIN_AFTER, due - self._now())
                self._again = asyncio.get_running_loop().call_later(wait, self._try_again)

    def _try_again(self) -> None:
        self._again = None
        now = self._now()
        for topic, message in [*self._held.items()] if self._connected else ():
            if self._suspects.due(topic) <= now:
                future = asyncio.get_running_loop().create_future()
                # whoever said it has been told already
                future.add_done_callback(consume)
                self.publish(replace(message, future=future))
        self._try_later()

    def _start_afresh(self) -> None:
        """Between two connections: paho holds nothing any more, and we what is not given up."""
        self._wire.forget()
        self._queue.put_back(*self._handed.values())
        self._handed.clear()
        self._given_up.clear()

    def _watch(self) -> None:
        """Look again when the oldest message may be given up."""
        if self._timer is None and self._handed and self._connected:
            oldest = next(iter(self._handed.values()))
            due = self._waiting_since(oldest) + UNANSWERED_AFTER
            wait = max(0.1, due - self._now())
            self._timer = asyncio.get_running_loop().call_later(wait, self._look)

    def _waiting_since(self, message: Outgoing) -> float:
        """It goes again on each connection."""
        return max(message.handed_at, self._suspects.connected_at)

    def _look(self) -> None:
        self._timer = None
        # a broker that answered nothing would have been left by now
        if self._connected:
            self._give_up(UNANSWERED_AFTER, len(self._handed))
        self._watch()
        self._pump()

    def _give_up_overtaken(self, later: Outgoing) -> None:
        """What was handed over before `later`, which the broker has dealt with, by its rules in
        order.
        """
        before = [each for each in self._handed.values() if each.handed_at < later.handed_at]
        self._give_up(OVERTAKEN_AFTER, len(before))

    def _give_up(self, patience: float, number: int) -> None:
        """Of the oldest, those that wait for longer than this."""
        now = self._now()
        for mid, message in [*self._handed.items()][:number]:
            if now - self._waiting_since(message) < patience:
                break
            self._given_up[mid] = self._handed.pop(mid)
            self._suspects.unanswered(message.topic, now)
            message.fail(SignalingError(UNANSWERED))
            for other in self._queue.remove(message.topic):
                other.fail(SignalingError(UNANSWERED))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
