"""A real device in a real Home Assistant, by MQTT discovery: what it shows, and what it can do."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.error
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.client.call_client import CallClient
from agent.homeassistant.discovery_message import discovery_message
from agent.homeassistant.features import DoorFeature
from agent.signaling.protocol.messages import format_time, parse_time
from agent.signaling.protocol.topics import Topics
from tests.e2e.device import UID, watching
from tests.homeassistant.conftest import Lasting
from tests.homeassistant.devices import features
from tests.homeassistant.household import (
    CODE,
    ENTITIES,
    HIDDEN,
    MESSAGES,
    UNDER_VOLTAGE,
    Household,
    complaints,
    household,
)
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.homeassistant, pytest.mark.broker, pytest.mark.media]
LOCK = "lock.front_door_lock"
RING = "event.front_door"


@pytest_asyncio.fixture
async def house(tmp_path: Path, lasting: Lasting) -> AsyncIterator[Household]:
    before = len(lasting.home.complaints())
    async with household(tmp_path, lasting.home, lasting.broker) as house:
        yield house
    assert complaints(lasting.home, after=before) == []


async def test_device_is_there_with_every_entity_and_no_other(house: Household) -> None:
    await house.settled(ENTITIES)
    assert house.shown().keys() == {*ENTITIES, UNDER_VOLTAGE}
    entries = await house.link.command("config/entity_registry/list")
    ours = {each["entity_id"]: each for each in entries if each["platform"] == "mqtt"}
    assert ours.keys() == {*ENTITIES, *HIDDEN, UNDER_VOLTAGE}
    assert {name for name, each in ours.items() if each["disabled_by"]} == HIDDEN
    (device,) = {each["device_id"] for each in ours.values()}
    devices = await house.link.command("config/device_registry/list")
    (found,) = (each for each in devices if each["id"] == device)
    assert (found["name"], found["serial_number"]) == ("Front door", UID)
    assert found["identifiers"] == [["mqtt", f"callbox_{UID}"]]


async def test_press_rings_once_with_its_picture_and_is_missed(house: Household) -> None:
    await house.press()
    rang = await house.link.state(RING, event_type="ring")
    said = await house.watcher.wait(f"{UID}/events/ring")
    assert rang["attributes"]["eventId"] == said["eventId"]
    assert (rang["attributes"]["button"], rang["attributes"]["suppressed"]) == ("front", None)
    picture = await house.watcher.wait(f"{UID}/snapshot")
    image = "image.front_door_last_visitor"
    await house.link.wait(lambda: house.shown()[image] != "unknown")
    kind, shown = await asyncio.to_thread(house.home.request, f"/api/image_proxy/{image}")
    assert (kind, shown) == ("image/jpeg", picture)

    # a connection that was lost brings the same again, and an outbox what is an hour old
    late = {"eventId": "late", "timestamp": format_time(parse_time(said["timestamp"]) - 3600)}
    fresh = {"eventId": "fresh", "timestamp": format_time(parse_time(said["timestamp"]) + 1)}
    for each in ({}, late, {}, fresh):
        house.watcher.publish(f"{UID}/events/ring", said | each)
    await house.link.state(RING, eventId="fresh")
    rings = [each["attributes"].get("eventId") for each in house.changes(RING)]
    assert list(dict.fromkeys(rings)) == [None, said["eventId"], "fresh"]

    await house.call("button", "press", entity_id="button.front_door_hang_up")
    missed = await house.link.state("event.front_door_missed", event_type="missed")
    assert missed["attributes"]["conversation"] == said["conversation"]


async def test_call_rings_is_answered_and_ended_from_home_assistant(house: Household) -> None:
    calls, line = "select.front_door_calls", "sensor.front_door_call"
    await house.call("select", "select_option", entity_id=calls, option="ring")
    await house.link.state(calls, "ring")
    url = f"mqtt://127.0.0.1:{house.broker.port}"
    async with CallClient.connect(url, uid="bob") as bob:
        call = bob.call(UID)
        ringing = await house.link.state(line, "ringing")
        assert ringing["attributes"]["remoteUid"] == "bob"
        await house.call("button", "press", entity_id="button.front_door_answer")
        await house.link.state(line, "in_call")
        await house.call("button", "press", entity_id="button.front_door_hang_up")
        await house.link.state(line, "idle")
        async with asyncio.timeout(PATIENCE):
            await call.wait_closed()
    await house.link.state("sensor.front_door_last_caller", "bob")
    await house.call("select", "select_option", entity_id=calls, option="by the rules")
    await house.link.state(calls, "by the rules")


async def test_lock_is_opened_with_its_code_and_with_no_other(house: Household) -> None:
    await house.call("lock", "unlock", entity_id=LOCK, code=CODE)
    await house.link.state(LOCK, "unlocked", action="open", by="command")
    await house.link.state(LOCK, "locked")

    before = len(house.watcher.messages)
    await house.call("lock", "unlock", entity_id=LOCK, code="0000")
    told = await house.watcher.wait(f"{UID}/events/output", after=before)
    assert (told["action"], told["code"]) == ("refused", "wrong_code")
    await house.link.state(LOCK, "locked", action="refused", code="wrong_code")
    for code in ({}, {"code": "12"}, {"code": "abcd"}):
        with pytest.raises(urllib.error.HTTPError):
            await house.call("lock", "unlock", entity_id=LOCK, **code)

    # Home Assistant's way to say nothing
    await house.call("lock", "lock", entity_id=LOCK, code=CODE)
    await house.link.state(LOCK, "locked", action="refused", code="stale")
    states = [each["state"] for each in house.changes(LOCK)]
    assert states[states.index("unlocked") :].count("locked") > 1
    assert [state for state, _ in groupby(states)].count("unlocked") == 1


async def test_lock_command_that_waited_opens_nothing_and_is_told(house: Household) -> None:
    """Eleven seconds: what is older than ten opens nothing."""
    device = house.device.process
    device.send_signal(signal.SIGSTOP)  # the connection stands, and the broker delivers
    try:
        await house.call("lock", "unlock", entity_id=LOCK, code=CODE)
        await asyncio.sleep(11)
    finally:
        device.send_signal(signal.SIGCONT)
    told = await house.watcher.wait(f"{UID}/events/output")
    assert (told["action"], told["code"]) == ("refused", "stale")
    result = await house.watcher.wait(f"{UID}/events/command_result")
    assert (result["ok"], result["code"]) == (False, "stale")
    await house.link.state(LOCK, "locked", action="refused", code="stale")
    assert "unlocked" not in [each["state"] for each in house.changes(LOCK)]


async def test_switches_numbers_and_quick_replies_do_what_they_say(house: Household) -> None:
    privacy, silence = "switch.front_door_privacy", "switch.front_door_silence"
    for entity in (privacy, silence):
        await house.call("switch", "turn_on", entity_id=entity)
        await house.link.state(entity, "on")
        await house.call("switch", "turn_off", entity_id=entity)
        await house.link.state(entity, "off")
    speaker = "number.front_door_speaker_volume"
    await house.call("number", "set_value", entity_id=speaker, value=35)
    await house.link.state(speaker, "35")
    mark = len(house.watcher.messages)
    reply = "select.front_door_quick_reply"
    await house.call("select", "select_option", entity_id=reply, option=MESSAGES[0])
    result = await house.watcher.wait(
        f"{UID}/events/command_result", lambda body: body["verb"] == "say", after=mark
    )
    assert result["ok"], result
    # it can be chosen again
    await house.link.state(reply, "unknown")


async def test_problem_is_shown_with_its_codes(house: Household) -> None:
    problem = "binary_sensor.front_door_problem"
    await house.link.state(problem, "off", faults=[])
    health = {"faults": ["button_stuck"], "undervoltage": True}
    house.watcher.publish(f"{UID}/health", json.dumps(health).encode())
    await house.link.state(problem, "on", faults=["button_stuck"])
    await house.link.state(UNDER_VOLTAGE, "on")


def gone(states: dict[str, Any]) -> set[str]:
    return {name for name, each in states.items() if each == "unavailable"}


async def test_device_that_is_away_is_unavailable_and_does_nothing(house: Household) -> None:
    house.device.process.terminate()
    await house.link.wait(lambda: gone(house.shown()) == {*ENTITIES, UNDER_VOLTAGE})
    mark = len(house.watcher.messages)
    await house.call("button", "press", entity_id="button.front_door_answer")
    await house.device.end()
    await house.start_device()
    await house.settled({LOCK: "locked"})
    assert not [each for each in house.watcher.messages[mark:] if "/command/" in each.topic]


async def test_every_kind_of_message_is_taken_as_a_whole(lasting: Lasting) -> None:
    """A name with a dot, a prefix of one's own, several doors, more to say than there is room."""
    doors = (DoorFeature("door"), DoorFeature("garage_gate", code=True, contact=True))
    device = features(
        uid="hall.2",
        topics=Topics("home/doors"),
        name="Hall 前门",
        doors=doors,
        messages=tuple(f"message-{number}" * 4 for number in range(64)),
    )
    message = discovery_message(device, "homeassistant")
    before = len(lasting.home.complaints())
    async with watching(lasting.broker) as watcher, lasting.home.link() as link:
        _, updates = await link.subscribe("subscribe_events", event_type="entity_registry_updated")
        watcher.broker.publish(message.topic, message.payload(), retain=True)
        unique = {each["uniq_id"] for each in message.components.values()}

        async def known() -> set[str]:
            entries = await link.command("config/entity_registry/list")
            return {each["unique_id"] for each in entries} & unique

        async with asyncio.timeout(PATIENCE):
            while await known() != unique:
                await updates.get()
            watcher.broker.publish(message.topic, b"", retain=True)
            while await known():
                await updates.get()
    assert complaints(lasting.home, after=before) == []
