"""The retained topic that several parts fill."""

from __future__ import annotations

import json

from agent.device.operator_settings import OperatorSettings
from agent.device.retained import Retained
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork

TOPIC = "callbox/v1/door-1/settings"


async def test_operator_settings_are_said_as_a_whole_on_each_change() -> None:
    network = FakeNetwork()
    broker = FakeBroker(network, "door-1")
    shown = OperatorSettings(Retained(broker), TOPIC)
    async with broker:
        await broker.wait_connected(30)
        shown.change(override=None)
        shown.change(speaker=0)
        shown.change(speaker=0)
        shown.change(microphone=50)
        shown.change(speaker=None)
    assert [json.loads(each.payload) for each in network.published if each.topic == TOPIC] == [
        {"override": None, "silencedUntil": None},
        {"speaker": 0, "override": None, "silencedUntil": None},
        {"speaker": 0, "microphone": 50, "override": None, "silencedUntil": None},
        {"microphone": 50, "override": None, "silencedUntil": None},
    ]
