"""What the broker says to one message that we have published (MQTT 5, 3.4.2.1)."""

from __future__ import annotations

from typing import NamedTuple, Self

from paho.mqtt.reasoncodes import ReasonCode

from agent.core.call.delivery import Delivery
from agent.errors import NotAuthorized, SignalingError

_NO_MATCHING_SUBSCRIBERS = 0x10
_NOT_AUTHORIZED = 0x87


class PubAck(NamedTuple):
    """`refusal`: the words of the broker, None where it has taken the message. A broker need not
    say that nobody has subscribed.
    """

    refusal: str | None = None
    is_forbidden: bool = False
    delivery: Delivery = Delivery.TAKEN

    @classmethod
    def of(cls, reason: ReasonCode) -> Self:
        if reason.is_failure:
            return cls(str(reason), reason.value == _NOT_AUTHORIZED)
        unheard = reason.value == _NO_MATCHING_SUBSCRIBERS
        return cls(delivery=Delivery.UNHEARD if unheard else Delivery.TAKEN)

    @property
    def error(self) -> SignalingError | None:
        """For whoever has published it."""
        if self.refusal is None:
            return None
        kind = NotAuthorized if self.is_forbidden else SignalingError
        return kind(f"refused by the broker: {self.refusal}")
