"""A simulated device says what the protocol asks for, and what is wrong with it."""

from __future__ import annotations

import json
import random
from typing import Any

from agent.fleet.device_faults import health_faults
from agent.fleet.simulation.virtual_device import Trait, VirtualDevice
from agent.signaling.protocol.device_status import About, Health, Status
from agent.signaling.protocol.topics import Topics
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork

NOW = 1_795_000_000.0


async def said_by(trait: Trait) -> dict[str, dict[str, Any]]:
    network = FakeNetwork()
    device = VirtualDevice("lobby", 0, trait, Topics(), NOW - 100)
    async with FakeBroker(network, "listener") as listener:
        stream = listener.subscribe("callbox/v1/lobby/#")
        await stream.wait_granted(30)
        async with FakeBroker(network, "lobby", will=device.will(NOW)) as broker:
            await broker.wait_connected(30)
            device.say_status(broker, NOW)
            device.say_about(broker)
            device.say_health(broker, NOW, random.Random(1))
            found = [await stream.receive() for _ in range(3)]
    return {each.topic.rpartition("/")[2]: json.loads(each.payload) for each in found}


def faults(health: dict[str, Any]) -> list[str]:
    return [each.code for each in health_faults(health, None)]


async def test_virtual_device_says_who_and_how_it_is() -> None:
    said = await said_by(Trait.NONE)
    Status.model_validate(said["status"])
    About.model_validate(said["about"])
    Health.model_validate(said["health"])
    assert said["status"]["state"] == "online"
    assert said["about"]["uid"] == "lobby"
    assert faults(said["health"]) == []


async def test_virtual_device_shows_its_fault() -> None:
    for trait, code in (
        (Trait.WEAK_SUPPLY, "undervoltage"),
        (Trait.WRONG_CLOCK, "clock_off"),
        (Trait.FULL_OUTBOX, "outbox_waiting"),
    ):
        assert faults((await said_by(trait))["health"]) == [code]


def test_virtual_device_that_boots_anew_says_so() -> None:
    device = VirtualDevice("lobby", 0, Trait.NONE, Topics(), NOW - 100)
    before = json.loads(device.status(NOW))
    device.boot(NOW - 5)
    after = json.loads(device.status(NOW))
    assert before["bootId"] != after["bootId"]
    health = json.loads(device.health(NOW, random.Random(1), waiting=3))
    assert (health["processUptimeSeconds"], health["restarts"], health["outboxWaiting"]) == (
        5,
        1,
        3,
    )
