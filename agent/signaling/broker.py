"""The port to a message broker: what the rest of the house may rely on, whoever carries the
messages.

MQTT's own rules hold: QoS 1 delivers at least once, and a message that was not acknowledged comes
again on the next connection of the same session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from agent.core.call.delivery import Delivery
from agent.core.policy.throttle import Admits


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says in our name when the connection is lost without a goodbye. `delay` in
    seconds.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True
    delay: int = 0


@dataclass(slots=True)
class Incoming:
    """One message that arrived. Until `ack()` the broker keeps it, and delivers it again after a
    reconnect.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    response_topic: str | None = None
    correlation_data: bytes | None = None
    on_ack: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    def ack(self) -> None:
        """The message has been taken care of. Idempotent; harmless after the connection that
        brought it is gone.
        """
        on_ack, self.on_ack = self.on_ack, None
        if on_ack is not None:
            on_ack()


@dataclass(frozen=True, slots=True)
class StreamBounds:
    """What may wait in one stream.

    `qos_0` is how many messages may wait for one of QoS 0 to be taken: fewer, so that a flood of
    what may get lost leaves room for what may not. `unacknowledged` is how many of QoS 1 the reader
    may keep at the broker; what comes beyond is acknowledged on arrival. So a reader that stalls
    never holds the whole of the connection's window, on which all streams depend.

    `hold_back` is for a reader that may lose nothing: while `messages` or `size` is reached,
    nothing is read from the connection, for no stream; no message of QoS 1 is dropped, and none is
    acknowledged but by its reader. What comes all the same, as before the broker's consent to the
    subscriptions, is kept up to twice the bounds. The rest stays unacknowledged, and the connection
    is made anew for it once there is room.
    """

    messages: int = 1024
    qos_0: int = 256
    size: int = 4 * 1024 * 1024  # bytes
    unacknowledged: int = 16
    hold_back: bool = False


class MessageStream(Protocol):
    """What one reader gets of a connection: bounded, in order of arrival, acknowledged by it."""

    @property
    def lost(self) -> int:
        """Messages that were dropped, as the stream was full: the newest each time."""

    async def receive(self) -> Incoming:
        """The next message. Its `ack()` is the reader's, once it has been dealt with.

        Raises SignalingError once the stream or the broker's context has been closed, and all was
        read.
        """

    async def wait_granted(self, timeout: float) -> None:
        """Return once the broker has consented to the subscription on the present connection.

        Raises SignalingError where it refused, NotConnected after `timeout` seconds.
        """

    def close(self) -> None:
        """End the subscription, here and at the broker. What was not read is dropped. Idempotent.

        Whoever wants to have what arrives while it is away leaves its stream open: it ends with the
        broker's context, and the broker keeps what comes for the session.
        """


class Broker(Protocol):
    """A connection that is kept up for as long as the context is open. All methods belong to one
    event loop.
    """

    @property
    def connected(self) -> bool: ...

    async def __aenter__(self) -> Self:
        """Start trying to connect, and return at once: a broker that is not there is no error."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send what is queued (bounded by a deadline), say goodbye so that the will stays unsaid,
        and stop.
        """

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
        """Queue a message; never blocks. `expiry` in seconds.

        The future resolves when the broker has acknowledged it (QoS 0: when it was handed over),
        with what it says of who gets it. It holds a SignalingError where the queue is full, the
        broker refused the message (NotAuthorized: it is not allowed), or the connection was closed
        for good first. It may be left alone: an error in it was logged. QoS 0 is dropped while
        offline.
        """

    def subscribe(
        self,
        *filters: str,
        qos: int = 1,
        essential: bool = False,
        bounds: StreamBounds | None = None,
        throttle: Admits | None = None,
    ) -> MessageStream:
        """A stream of its own for one reader, of what matches one of the topic filters.

        It is subscribed to on every connection, until the stream or the context is closed. Made
        before the context is entered, it also gets what the broker has kept of an earlier session.
        Where the broker refuses an `essential` one there is no connection; another refusal is an
        error in the log, and of `wait_granted`. What `throttle` refuses, by its topic, is counted
        and acknowledged before anything is made of it. Readers are independent of each other: what
        one does not read takes no room from another. A message that the broker sends more than
        once, as filters overlap, arrives more than once.
        """

    def on_connection(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call `callback` on the loop at each connect (True) and loss (False). Returns what ends
        that.
        """

    async def wait_connected(self, timeout: float) -> None:
        """Return once connected. Raises NotConnected after `timeout` seconds."""
