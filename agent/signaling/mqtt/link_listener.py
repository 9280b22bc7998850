"""What the network thread tells the event loop of a connection."""

from __future__ import annotations

from typing import Protocol

from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.puback import PubAck
from agent.signaling.mqtt.subscriptions import SubscribeResult
from agent.signaling.mqtt.terms import Terms


class LinkListener(Protocol):
    """Who hears of the link, on the event loop."""

    def link_up(self, terms: Terms) -> None: ...

    def link_down(self, loss: DisconnectReason) -> None: ...

    def link_published(self, mid: int, said: PubAck) -> None: ...

    def link_subscribed(self, answers: list[SubscribeResult]) -> None:
        """What the broker says to SUBSCRIBE; before `link_up` on a new connection."""

    def link_stopped(self) -> None: ...
