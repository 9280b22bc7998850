"""What waits to be sent: bounded in messages and bytes, in order, and dropped once it has outlived
its expiry.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from agent.core.call.delivery import Delivery
from agent.errors import SignalingError

logger = logging.getLogger(__name__)

# bytes, at most, of fixed header and properties beside topics and data
_PACKET_OVERHEAD = 64


@dataclass(slots=True, eq=False)
class Outgoing:
    """One message on its way. `expires_at` is on the clock that is handed to `take`."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    future: asyncio.Future[Delivery]
    expires_at: float | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    # on the same clock
    handed_at: float = 0.0

    @property
    def packet_size(self) -> int:
        """Bytes, at most, that it takes on the wire."""
        beside = self.topic + (self.response_topic or "")
        return (
            len(self.payload)
            + len(self.correlation_data or b"")
            + len(beside.encode())
            + _PACKET_OVERHEAD
        )

    def fits(self, packet_size: float) -> bool:
        """Whether it is within `packet_size` bytes. It has failed where it is not."""
        size = self.packet_size
        if size <= packet_size:
            return True
        logger.error(
            "%d bytes for %s are more than the broker takes (%d)", size, self.topic, packet_size
        )
        self.fail(SignalingError(f"{size} bytes are more than the broker takes"))
        return False

    def fail(self, error: SignalingError) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class PublishQueue:
    """First in, first out. When it is full the newest is refused: what was promised first is
    kept.
    """

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._waiting: deque[Outgoing] = deque()
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._bytes = 0
        # and the log says so
        self._full = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Outgoing) -> bool:
        """Take `message` in; False where there is no room, which the log says once."""
        if (
            len(self._waiting) >= self._max_messages
            or self._bytes + len(message.payload) > self._max_bytes
        ):
            if not self._full:
                logger.error(
                    "the queue to the broker is full (%d messages): new ones are refused", len(self)
                )
                self._full = True
            return False
        self._full = False
        self._waiting.append(message)
        self._bytes += len(message.payload)
        return True

    def put_back(self, *messages: Outgoing) -> None:
        """They were taken, in this order, and are to be taken once more."""
        self._waiting.extendleft(reversed(messages))
        self._bytes += sum(len(each.payload) for each in messages)

    def take(self, now: float) -> tuple[Outgoing | None, list[Outgoing]]:
        """The next message that is still worth sending, and those before it that no longer are."""
        expired: list[Outgoing] = []
        while self._waiting:
            message = self._waiting.popleft()
            self._bytes -= len(message.payload)
            if message.expires_at is None or message.expires_at > now:
                return message, expired
            expired.append(message)
        return None, expired

    def remove(self, topic: str) -> list[Outgoing]:
        """Everything that still waits for `topic`, which then no longer does."""
        removed = [each for each in self._waiting if each.topic == topic]
        self._waiting = deque(each for each in self._waiting if each.topic != topic)
        self._bytes -= sum(len(each.payload) for each in removed)
        return removed

    def clear(self) -> list[Outgoing]:
        """Everything that still waits."""
        rest = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return rest


def consume(future: asyncio.Future[Delivery]) -> None:
    """Mark an error as seen: whoever publishes need not wait for the outcome."""
    if not future.cancelled():
        future.exception()
