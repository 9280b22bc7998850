"""What the broker says to one message that we have published."""

from __future__ import annotations

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.core.call.delivery import Delivery
from agent.errors import NotAuthorized, SignalingError
from agent.signaling.mqtt.puback import PubAck


def _of(code: int) -> PubAck:
    return PubAck.of(ReasonCode(PacketTypes.PUBACK, identifier=code))


@pytest.mark.parametrize(("code", "delivery"), [(0x00, Delivery.TAKEN), (0x10, Delivery.UNHEARD)])
def test_puback_that_takes_a_message_says_whether_somebody_gets_it(
    code: int, delivery: Delivery
) -> None:
    assert _of(code) == PubAck(delivery=delivery)
    assert _of(code).error is None


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (0x87, NotAuthorized, "refused by the broker: Not authorized"),
        (0x97, SignalingError, "refused by the broker: Quota exceeded"),
    ],
)
def test_puback_that_refuses_a_message_is_an_error(
    code: int, kind: type[SignalingError], words: str
) -> None:
    error = _of(code).error
    assert type(error) is kind
    assert str(error) == words
