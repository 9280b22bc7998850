"""What the broker allows, by its CONNACK."""

from __future__ import annotations

import math

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.signaling.mqtt.link_listener import Terms
from agent.signaling.mqtt.paho_client import MAX_INFLIGHT


def connack(**values: int) -> Properties:
    properties = Properties(PacketTypes.CONNACK)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


@pytest.mark.parametrize(("kept", "told"), [(0, True), (3599, True), (3600, False), (None, False)])
def test_terms_of_a_session_that_ends_early_are_told(
    kept: int | None, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes while we are away would be lost in silence."""
    Terms.of(connack() if kept is None else connack(SessionExpiryInterval=kept), 3600)
    assert ("keeps what comes while we are away" in caplog.text) is told


@pytest.mark.parametrize(
    ("properties", "terms"),
    [
        ({}, Terms(MAX_INFLIGHT, math.inf)),
        ({"ReceiveMaximum": 3}, Terms(3, math.inf)),
        ({"ReceiveMaximum": 65535}, Terms(MAX_INFLIGHT, math.inf)),
        ({"MaximumPacketSize": 2000}, Terms(MAX_INFLIGHT, 2000)),
    ],
)
def test_terms_are_what_the_broker_says_within_our_own(
    properties: dict[str, int], terms: Terms
) -> None:
    assert Terms.of(connack(**properties)) == terms
