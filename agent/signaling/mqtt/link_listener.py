"""What the network thread tells the event loop of a connection."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Protocol

from paho.mqtt.properties import Properties

from agent.signaling.mqtt.disconnect import DisconnectReason
from agent.signaling.mqtt.paho_client import MAX_INFLIGHT
from agent.signaling.mqtt.subscriptions import SubscribeResult

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the broker allows: messages in flight, and bytes in a packet."""

    inflight: int = MAX_INFLIGHT
    packet_size: float = math.inf

    @classmethod
    def of(cls, connack: Properties, session_expiry: int = 0) -> Terms:
        """As CONNACK has them (MQTT 5, 3.2.2.3). A session that ends before `session_expiry`
        seconds, which we asked for, is told.
        """
        kept = getattr(connack, "SessionExpiryInterval", session_expiry)
        if kept < session_expiry:
            text = "the broker keeps what comes while we are away for %d s, not for %d"
            logger.warning(text, kept, session_expiry)
        return cls(
            inflight=min(MAX_INFLIGHT, getattr(connack, "ReceiveMaximum", MAX_INFLIGHT)),
            packet_size=getattr(connack, "MaximumPacketSize", math.inf),
        )


class LinkListener(Protocol):
    """Who hears of the link, on the event loop."""

    def link_up(self, terms: Terms) -> None: ...

    def link_down(self, loss: DisconnectReason) -> None: ...

    def link_published(self, mid: int, refusal: str | None) -> None: ...

    def link_subscribed(self, answers: list[SubscribeResult]) -> None:
        """What the broker says to SUBSCRIBE; before `link_up` on a new connection."""

    def link_stopped(self) -> None: ...
