"""Which entities there are, and when."""

from __future__ import annotations

from typing import Any

import pytest

from agent.homeassistant.entities import FIXED, LINE_STATES, every_entity, missing_verbs
from agent.homeassistant.features import DoorFeature, Features
from agent.signaling.protocol.command_messages import COMMANDS, parse_command
from agent.signaling.protocol.messages import LineState
from tests.homeassistant.devices import ALL_IDS, EVERYTHING, features


def offered(device: Features) -> dict[str, dict[str, Any]]:
    found = (each for each in every_entity(device) if each.is_offered(device))
    return {each.id: each.component(device) for each in found}


def test_device_with_everything_has_every_entity() -> None:
    assert offered(EVERYTHING).keys() == ALL_IDS


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"button": False, "picture": False}, {"ring", "missed", "visitor"}),
        ({"picture": False}, {"visitor"}),
        ({"doors": ()}, {"lock_door", "contact_door"}),
        ({"doors": (DoorFeature("door", code=True),)}, {"contact_door"}),
        ({"messages": ()}, {"say"}),
        ({"speaker": False}, {"speaker"}),
        ({"microphone": False}, {"microphone"}),
    ],
)
def test_entity_is_there_only_for_what_the_device_has(
    changes: dict[str, Any], gone: set[str]
) -> None:
    assert offered(features(**changes)).keys() == ALL_IDS - gone


@pytest.mark.parametrize(
    ("verb", "gone"),
    [
        ("accept", {"answer"}),
        ("close", {"hang_up"}),
        ("open", {"lock_door"}),
        ("privacy", {"privacy"}),
        ("silence", {"silence"}),
        ("policy", {"calls"}),
        ("say", {"say"}),
        ("volume", {"speaker", "microphone"}),
    ],
)
def test_entity_is_there_only_where_its_verb_is_allowed(verb: str, gone: set[str]) -> None:
    device = features(verbs=EVERYTHING.verbs - {verb})
    assert offered(device).keys() == ALL_IDS - gone
    assert missing_verbs(device).keys() == {verb}
    assert len(missing_verbs(device)[verb]) == len(gone)


def test_missing_verbs_are_those_of_what_the_device_has() -> None:
    bare = features(verbs=frozenset(), doors=(), messages=(), speaker=False, microphone=False)
    assert missing_verbs(bare) == {
        "accept": ("Answer",),
        "close": ("Hang up",),
        "privacy": ("Privacy",),
        "silence": ("Silence",),
        "policy": ("Calls",),
    }
    assert not missing_verbs(EVERYTHING)


def test_every_verb_is_one_of_the_protocol() -> None:
    assert {each.verb for each in every_entity(EVERYTHING)} - {None} <= COMMANDS.keys()


def test_fixed_payloads_are_commands_that_the_device_understands() -> None:
    for component in offered(EVERYTHING).values():
        verb = component.get("cmd_t", "").rpartition("/")[2]
        for key in ("pl_prs", "pl_on", "pl_off"):
            if key in component and verb:
                parse_command(verb, component[key].encode())


def test_ids_do_not_change_with_the_names() -> None:
    renamed = features(name="Back door", messages=("other",))
    ids = {name: each["uniq_id"] for name, each in offered(EVERYTHING).items()}
    assert {name: each["uniq_id"] for name, each in offered(renamed).items()} == ids
    assert all(each.startswith("callbox_door-1_") for each in ids.values())


def test_ids_of_a_uid_with_a_dot_have_none() -> None:
    found = offered(features(uid="door.1"))
    assert all("." not in each["uniq_id"] for each in found.values())
    assert found["call"]["stat_t"] == "callbox/v1/door.1/call"


def test_doors_are_told_apart_by_their_names() -> None:
    doors = (DoorFeature("door"), DoorFeature("garage_gate", contact=True))
    found = offered(features(doors=doors))
    names = {name: each["name"] for name, each in found.items() if "_d" in name or "_g" in name}
    assert names == {
        "lock_door": "Lock",
        "lock_garage_gate": "Garage gate lock",
        "contact_garage_gate": "Garage gate contact",
    }
    assert "code_format" not in found["lock_door"]


def test_lock_waits_in_no_broker() -> None:
    assert offered(EVERYTHING)["lock_door"]["qos"] == 0


def test_line_states_are_those_of_the_protocol() -> None:
    annotation = LineState.model_fields["state"].annotation
    assert set(LINE_STATES) == set(annotation.__args__)  # type: ignore[union-attr]


def test_fixed_ids_are_told_once() -> None:
    ids = [each.id for each in FIXED]
    assert len(ids) == len(set(ids))
