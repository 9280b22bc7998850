"""What the broker allows, by its CONNACK."""

from __future__ import annotations

import math

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.signaling.broker import Will
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.paho_client import MAX_INFLIGHT
from agent.signaling.mqtt.terms import Terms

WILL = Will("x/status", b"offline")


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
    Terms.of(
        connack() if kept is None else connack(SessionExpiryInterval=kept),
        MqttOptions(),
        will=WILL,
    )
    assert ("keeps what comes while we are away" in caplog.text) is told


@pytest.mark.parametrize(
    ("properties", "terms"),
    [
        ({}, Terms(MAX_INFLIGHT, math.inf)),
        ({"ReceiveMaximum": 3}, Terms(3, math.inf)),
        ({"ReceiveMaximum": 65535}, Terms(MAX_INFLIGHT, math.inf)),
        ({"MaximumPacketSize": 40_000}, Terms(MAX_INFLIGHT, 40_000)),
    ],
)
def test_terms_are_what_the_broker_says_within_our_own(
    properties: dict[str, int], terms: Terms
) -> None:
    assert Terms.of(connack(**properties), MqttOptions(), will=WILL) == terms


RABBITMQ = {"SharedSubscriptionAvailable": 0, "MaximumQoS": 1}


@pytest.mark.parametrize(
    ("properties", "will", "told"),
    [
        (RABBITMQ, Will("x/status", b"offline", delay=5), True),
        (RABBITMQ, Will("x/status", b"offline", delay=0), False),
        (RABBITMQ, None, False),
        ({}, Will("x/status", b"offline", delay=5), False),
        ({"MaximumQoS": 1}, Will("x/status", b"offline", delay=5), False),
    ],
)
def test_terms_of_rabbitmq_name_a_will_that_is_delayed(
    properties: dict[str, int], will: Will | None, told: bool
) -> None:
    remarks = Terms.of(connack(**properties), MqttOptions(), will=will).remarks
    assert [each.advice for each in remarks] == ["Set mqtt.will_delay = 0."] * told


@pytest.mark.parametrize("shares", [True, False])
def test_terms_without_shared_subscriptions_are_told_to_who_needs_them(shares: bool) -> None:
    lacking = Terms.of(connack(**RABBITMQ), MqttOptions(shares=shares), will=None).lacking
    assert (lacking is not None) is shares
    assert lacking is None or "mqtt.share" in lacking.advice
