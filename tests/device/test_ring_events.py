"""`ring` and `missed`: kept, and told once."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest

from agent.device.ring_events import RingEvents, VisitorEvent
from agent.signaling.protocol.topics import Topics
from tests.devices import UID, Device, device
from tests.doorbells import ringing
from tests.fakes.network import FakeNetwork
from tests.parties import NOW, PREFIX
from tests.waiting import until


def events_of(door: Device) -> RingEvents:
    return RingEvents(door.outbox, Topics(PREFIX), UID, lambda: NOW)


async def test_ring_is_told_with_the_time_at_which_it_happened(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path) as door:
        events, seen = events_of(door), list[VisitorEvent]()
        events.on_event(seen.append)
        network.stop(forget=False)
        event = events.ring("front", ("alice",))
        events.tell(event)
        events.missed(event, None)
        network.start()
        await until(lambda: len(door.on("events/missed")) == 1)
        (ring,) = door.on("events/ring")
        assert ring["timestamp"].startswith("2027-01-15")
        assert (ring["eventId"], ring["device"]) == (event.event_id, UID)
        assert [each.event for each in seen] == ["ring", "missed"]


async def test_ring_that_waits_is_told_as_it_stood_where_the_process_dies(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path) as door:
        event = events_of(door).ring("front", ("alice",))
        network.stop(forget=False)
        events_of(door).hold(event.model_copy(update={"suppressed": "offline"}))
    network.start()
    async with device(network, tmp_path) as door:
        await until(lambda: len(door.on("events/ring")) == 1)
        assert door.on("events/ring")[0]["suppressed"] == "offline"
        assert door.on("events/ring")[0]["eventId"] == event.event_id


@pytest.mark.parametrize("presses", [100, pytest.param(1000, marks=pytest.mark.further_case)])
async def test_presses_amid_a_broker_that_dies_are_each_told_once(
    tmp_path: Path, presses: int
) -> None:
    network, chance = FakeNetwork(), random.Random(presses)
    async with ringing(network, tmp_path, targets=[], at_most="100/m") as bell:
        pressed = []
        for _ in range(presses):
            if chance.random() < 0.2:
                network.stop(forget=False)
            outcome = await bell.doorbell.press()
            assert outcome.event is not None
            pressed.append(outcome.event.event_id)
            bell.clock.now += 6
            if chance.random() < 0.4:
                network.start()
                await asyncio.sleep(0)
        network.start()
        await until(lambda: len({each["eventId"] for each in bell.told("ring")}) == presses)
        assert sorted({each["eventId"] for each in bell.told("ring")}) == sorted(pressed)


async def test_ring_that_waited_is_told_once_as_it_came_out(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path) as door:
        events = events_of(door)
        event = events.ring("front", ("alice",))
        events.hold(event.model_copy(update={"suppressed": "offline"}))
        events.tell(event)
        await until(lambda: len(door.on("events/ring")) == 1)
    async with device(network, tmp_path) as door:
        assert len(door.on("events/ring")) == 1
        assert "suppressed" not in json.dumps(door.on("events/ring"))
