"""RTCP NACK (RFC 4585): loss, told before the report that counts it."""

from __future__ import annotations

from collections import deque

INTERVAL = 1.0
"""Seconds over which requests are summed, until the report that counts the loss."""
PACKET_BYTES = 1200
"""To turn a rate into packets."""


class NackCounter:
    """Packets asked for again in the last `INTERVAL`."""

    def __init__(self) -> None:
        self._requests: deque[tuple[float, int]] = deque()

    def add(self, now: float, packets: int) -> None:
        self._requests.append((now, packets))

    def ratio(self, now: float, target: float) -> float:
        """Of those sent meanwhile at `target` bit/s."""
        while self._requests and self._requests[0][0] < now - INTERVAL:
            self._requests.popleft()
        sent = target * INTERVAL / (8 * PACKET_BYTES)
        return sum(packets for _, packets in self._requests) / sent
