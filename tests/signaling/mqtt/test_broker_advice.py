"""What to do, in words."""

from __future__ import annotations

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.signaling.mqtt.broker_advice import Remark, advice_on_error, advice_on_reason


def names(packet_type: int) -> list[int]:
    """Codes of refusal that such a packet may have."""
    known = ReasonCode(packet_type, identifier=0).names
    return [
        code
        for code, packets in known.items()
        if code >= 128 and any(packet_type in each for each in packets.values())
    ]


# what only a client sends, or says all by itself
SELF_EXPLAINING = {128, 139, 141, 142, 147, 148, 150, 153, 158, 160}


@pytest.mark.parametrize("code", names(PacketTypes.CONNACK))
def test_advice_on_every_reason_not_to_let_us_in(code: int) -> None:
    assert advice_on_reason(code) or code in SELF_EXPLAINING


@pytest.mark.parametrize("code", names(PacketTypes.DISCONNECT))
def test_advice_on_every_reason_to_end_a_connection(code: int) -> None:
    assert advice_on_reason(code) or code in SELF_EXPLAINING


def test_advice_on_what_is_not_known_names_where_to_look() -> None:
    assert advice_on_reason(0) == ""
    assert advice_on_error("EWHATEVER") == "Check mqtt.host and mqtt.port."


def test_remark_reads_as_a_sentence() -> None:
    assert str(Remark("it is small", "Make it larger.")) == "it is small. Make it larger."
