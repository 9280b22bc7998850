"""What waits to be sent: bounded in messages and bytes, in order, and dropped once it has outlived
its expiry.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from agent.errors import SignalingError

# bytes, at most, of fixed header and properties beside topics and data
_PACKET_OVERHEAD = 64


@dataclass(slots=True, eq=False)
class Outgoing:
    """One message on its way. `expires_at` is on the clock that is handed to `take`."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    future: asyncio.Future[None]
    expires_at: float | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None

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

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Outgoing) -> bool:
        """Take `message` in; False where there is no room."""
        if (
            len(self._waiting) >= self._max_messages
            or self._bytes + len(message.payload) > self._max_bytes
        ):
            return False
        self._waiting.append(message)
        self._bytes += len(message.payload)
        return True

    def put_back(self, message: Outgoing) -> None:
        """`message` was taken, and could not be handed over yet."""
        self._waiting.appendleft(message)
        self._bytes += len(message.payload)

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

    def clear(self) -> list[Outgoing]:
        """Everything that still waits."""
        rest = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return rest


def consume(future: asyncio.Future[None]) -> None:
    """Mark an error as seen: whoever publishes need not wait for the outcome."""
    if not future.cancelled():
        future.exception()
