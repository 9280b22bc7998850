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
    ) -> asyncio.Future[None]:
        """Queue a message; never blocks. `expiry` in seconds.

        The future resolves when the broker has acknowledged it (QoS 0: when it was handed over). It
        holds a SignalingError where the queue is full, the broker refused the message, or the
        connection was closed for good first. It may be left alone: an error in it was logged. QoS 0
        is dropped while offline.
        """

    async def incoming(self) -> Incoming:
        """The next message."""

    def on_connection(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call `callback` on the loop at each connect (True) and loss (False). Returns what ends
        that.
        """

    async def wait_connected(self, timeout: float) -> None:
        """Return once connected. Raises NotConnected after `timeout` seconds."""
