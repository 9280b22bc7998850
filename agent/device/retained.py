"""What a broker keeps of a device: said again on every connect, as a broker may have lost it, and
on each change.
"""

from __future__ import annotations

import asyncio
import secrets

from agent.core.call.delivery import Delivery
from agent.signaling.broker import Broker


class Retained:
    """The latest payload of each retained topic of one device.

    What changes while there is no connection is not queued: of that, only the last counts. Made
    before the broker's context is entered.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._latest: dict[str, bytes] = {}
        self._mark = b""
        broker.on_connection(self._on_connection)

    @property
    def mark(self) -> bytes:
        """What goes with all that is said at the present connection, as correlation data: so a
        reader knows what was published since then from what has waited.
        """
        return self._mark

    def say(self, topic: str, payload: bytes) -> asyncio.Future[Delivery]:
        """From now on this. The future resolves when the broker has it, or at once where there is
        no connection.
        """
        self._latest[topic] = payload
        return self.repeat(topic)

    def forget(self, topic: str) -> None:
        """It is said no more; what the broker keeps stays there."""
        self._latest.pop(topic, None)

    def repeat(self, topic: str) -> asyncio.Future[Delivery]:
        """Once more what stands."""
        if self._broker.connected:
            return self._broker.publish(topic, self._latest[topic], retain=True)
        nothing: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        nothing.set_result(Delivery.TAKEN)
        return nothing

    def _on_connection(self, connected: bool) -> None:
        if not connected:
            return
        self._mark = secrets.token_bytes(8)
        for topic, payload in self._latest.items():
            self._broker.publish(topic, payload, retain=True, correlation_data=self._mark)
