"""What has arrived and waits to be read: filled by the network thread, emptied by the event loop,
bounded.
"""

from __future__ import annotations

import logging
from collections import deque

from agent.signaling.broker import Incoming

logger = logging.getLogger(__name__)

MAX_MESSAGES = 1024
# fewer, so that a flood of what may get lost leaves room for what may not
MAX_QOS_0 = 256
MAX_BYTES = 4 * 1024 * 1024


class Inbox:
    """On overflow the newest is dropped, and acknowledged if it is QoS 1.

    The broker's Receive Maximum should make that impossible for QoS 1, yet mosquitto 2.0.11 answers
    each PUBACK with as many messages as the whole window. Were they dropped unacknowledged, the
    window would fill with what nobody will ever read, and the device would be deaf until its next
    connection.
    """

    def __init__(self) -> None:
        self._messages: deque[Incoming] = deque()
        # written by the network thread only
        self._put_bytes = 0
        # written by the event loop only
        self._taken_bytes = 0
        self._dropping = False

    def put(self, message: Incoming) -> bool:
        """Take `message` in; False where it was dropped. For the network thread."""
        size = len(message.payload)
        if not self._has_room(message.qos, size):
            message.ack()
            if not self._dropping:
                logger.error(
                    "%d messages wait to be read: new ones are dropped", len(self._messages)
                )
                self._dropping = True
            return False
        self._dropping = False
        self._put_bytes += size
        self._messages.append(message)
        return True

    def take(self) -> Incoming | None:
        """The oldest message, or None. For the event loop."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._taken_bytes += len(message.payload)
        return message

    def _has_room(self, qos: int, size: int) -> bool:
        waiting_bytes = self._put_bytes - self._taken_bytes
        limit = MAX_MESSAGES if qos else MAX_QOS_0
        return len(self._messages) < limit and waiting_bytes + size <= MAX_BYTES
