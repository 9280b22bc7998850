"""What a broker keeps of a device: said again on every connect, as a broker may have lost it, and
on each change.
"""

from __future__ import annotations

import asyncio

from agent.signaling.broker import Broker


class Retained:
    """The latest payload of each retained topic of one device.

    What changes while there is no connection is not queued: of that, only the last counts. Made
    before the broker's context is entered.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._latest: dict[str, bytes] = {}
        broker.on_connection(self._on_connection)

    def say(self, topic: str, payload: bytes) -> asyncio.Future[None]:
        """From now on this. The future resolves when the broker has it, or at once where there is
        no connection.
        """
        self._latest[topic] = payload
        return self.repeat(topic)

    def repeat(self, topic: str) -> asyncio.Future[None]:
        """Once more what stands."""
        if self._broker.connected:
            return self._broker.publish(topic, self._latest[topic], retain=True)
        nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        nothing.set_result(None)
        return nothing

    def _on_connection(self, connected: bool) -> None:
        if connected:
            for topic in self._latest:
                self.repeat(topic)
