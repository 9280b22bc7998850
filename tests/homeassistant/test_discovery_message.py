"""The one message: taken as a whole by Home Assistant's rules, and within its size."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.homeassistant.discovery_message import MAX_SIZE, discovery_message
from agent.homeassistant.features import DoorFeature, Features
from agent.signaling.protocol.topics import Topics
from tests.homeassistant.devices import ALL_IDS, EVERYTHING, features
from tests.homeassistant.discovery_rules import faults

MANY_DOORS = tuple(DoorFeature(f"door_{number}", True, True) for number in range(32))
MANY_MESSAGES = tuple(f"message-{number:02}" * 5 for number in range(64))
BARE = Features("door-1", Topics())


def read(device: Features) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(discovery_message(device, "homeassistant").payload())
    return found


@pytest.mark.parametrize(
    "device",
    [
        EVERYTHING,
        BARE,
        features(uid="door.1", page=None, name=""),
        features(uid="d" * 64, topics=Topics("p" * 64), doors=MANY_DOORS, messages=MANY_MESSAGES),
        features(name="Haustür 前门"),
    ],
    ids=["everything", "bare", "dot", "huge", "other letters"],
)
def test_message_is_taken_by_the_rules_of_home_assistant(device: Features) -> None:
    message = discovery_message(device, "homeassistant")
    assert faults(message.topic, json.loads(message.payload())) == []
    assert len(message.payload()) <= MAX_SIZE


def test_rules_find_what_home_assistant_would_refuse() -> None:
    message = read(EVERYTHING)
    message["schemaVersion"] = 1
    message["dev"]["color"] = "red"
    del message["cmps"]["answer"]["cmd_t"]
    message["cmps"]["ring"]["evt_typ"] = ["pressed"]
    message["cmps"]["call"]["min"] = 1
    found = faults("homeassistant/device/door.1/config", message)
    assert len(found) == 6


def test_message_of_a_device_with_everything_has_room() -> None:
    message = discovery_message(features(uid="d" * 32), "homeassistant")
    assert message.left_out == ()
    assert message.components.keys() == ALL_IDS


def test_message_tells_of_the_device() -> None:
    assert read(EVERYTHING)["dev"] == {
        "ids": ["callbox_door-1"],
        "name": "Front door",
        "mf": "callbox",
        "mdl": "Raspberry Pi Zero 2 W Rev 1.0",
        "sw": "1.0.0",
        "sn": "door-1",
        "cu": "https://door-1.local:8443/",
    }
    assert read(BARE)["dev"] == {"ids": ["callbox_door-1"], "name": "door-1", "mf": "callbox"} | {
        "sn": "door-1"
    }


def test_message_has_the_availability_of_the_status() -> None:
    (available,) = read(EVERYTHING)["avty"]
    assert available["t"] == "callbox/v1/door-1/status"


def test_what_could_be_and_is_not_is_removed_by_name() -> None:
    """What is merely left out stays in Home Assistant."""
    message = read(features(verbs=frozenset(), messages=(), doors=()))
    gone = {name: each for name, each in message["cmps"].items() if each.keys() == {"p"}}
    assert gone == {
        "answer": {"p": "button"},
        "hang_up": {"p": "button"},
        "privacy": {"p": "switch"},
        "silence": {"p": "switch"},
        "calls": {"p": "select"},
        "say": {"p": "select"},
        "speaker": {"p": "number"},
        "microphone": {"p": "number"},
    }


def test_what_was_once_is_removed_by_name_and_known_again_for_a_moment() -> None:
    gate = {"lock_gate": {"p": "lock", "uniq_id": "callbox_door-1_lock_gate", "cmd_t": "t"}}
    message = discovery_message(EVERYTHING, "homeassistant")
    assert json.loads(message.payload(gate))["cmps"]["lock_gate"] == {"p": "lock"}
    assert json.loads(message.payload_with(gate))["cmps"].items() >= gate.items()


def test_messages_to_say_are_left_out_first_then_diagnostics_then_doors() -> None:
    some = discovery_message(features(messages=MANY_MESSAGES), "homeassistant")
    assert some.components.keys() == ALL_IDS
    assert some.left_out == MANY_MESSAGES[len(some.components["say"]["ops"]) :]
    many = discovery_message(features(doors=MANY_DOORS, messages=MANY_MESSAGES), "homeassistant")
    assert many.components["say"]["ops"] == [MANY_MESSAGES[0]]
    assert "problem" not in many.components
    assert {"ring", "lock_door_0", "calls", "answer"} <= many.components.keys()
    assert many.left_out[-len(MANY_MESSAGES) + 1 :] == MANY_MESSAGES[1:]
    assert "Door 31 lock" in many.left_out
