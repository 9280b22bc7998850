"""Simulated devices on a broker tell of yesterday's calls."""

from __future__ import annotations

import asyncio
import contextlib
import random

from agent.fleet.simulation.virtual_device import Trait
from agent.fleet.simulation.virtual_fleet import MOST, VirtualFleet, make_devices, past_calls
from agent.signaling.broker import StreamBounds
from agent.signaling.protocol.topics import Topics
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.waiting import PATIENCE

NOW = 1_795_000_000.0


def test_make_devices_gives_names_once_and_each_fault() -> None:
    devices = make_devices(MOST, Topics(), NOW)
    assert len({each.uid for each in devices}) == MOST
    assert {each.trait for each in make_devices(20, Topics(), NOW)} == set(Trait)
    few = [each.trait for each in make_devices(3, Topics(), NOW)]
    assert few.count(Trait.NONE) == 2


def test_past_calls_are_of_the_last_day_and_between_two() -> None:
    devices = make_devices(20, Topics(), NOW)
    found = past_calls(devices, NOW, random.Random(1))
    assert len(found) > 50
    assert all(NOW - 86_400 <= begun <= NOW for begun, _ in found)
    assert all(call.caller != call.callee for _, call in found)
    assert past_calls(devices[:1], NOW, random.Random(1)) == []


async def test_virtual_fleet_comes_online_and_says_what_waited() -> None:
    network = FakeNetwork()
    devices = make_devices(3, Topics(), NOW)
    fleet = VirtualFleet(devices, lambda uid, will: FakeBroker(network, uid, will=will))
    async with FakeBroker(network, "listener") as listener:
        stream = listener.subscribe("callbox/v1/+/#", bounds=StreamBounds(messages=5000))
        running = asyncio.create_task(fleet.run())
        wanted = {f"callbox/v1/{each.uid}/status" for each in devices}
        closed = 0
        async with asyncio.timeout(PATIENCE):
            while wanted or not closed:
                message = await stream.receive()
                wanted.discard(message.topic)
                closed += message.topic.endswith("/closed")
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
