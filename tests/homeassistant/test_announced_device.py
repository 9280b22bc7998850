"""What is taken back, by which form, and how often."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.homeassistant.announced_device import MOST, AnnouncedDevice, Publication
from agent.homeassistant.discovery_message import DiscoveryMessage, discovery_message
from tests.homeassistant.devices import EVERYTHING, features

WHOLE = discovery_message(EVERYTHING, "homeassistant")
WITHOUT_DOOR = discovery_message(features(doors=()), "homeassistant")
MOVED = discovery_message(EVERYTHING, "elsewhere")


def told(*messages: DiscoveryMessage | None) -> AnnouncedDevice:
    """One after the other, each by a device that was started anew."""
    found = AnnouncedDevice()
    for message in messages:
        found = AnnouncedDevice(found.kept())
        found.announce(message)
    return found


def components(payload: bytes | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(payload or b"{}")["cmps"]
    return found


def test_nothing_is_kept_of_a_device_that_was_never_announced() -> None:
    assert told(None).kept() is None
    assert told(None).idle
    assert told(None).payload is None
    assert told(None).born() == []


def test_first_announcement_removes_nothing_that_was_not() -> None:
    first = told(WHOLE)
    assert first.payload == WHOLE.payload()
    assert first.born() == []
    assert not first.idle


def test_entity_that_is_gone_is_removed_until_home_assistant_heard() -> None:
    less = told(WHOLE, WITHOUT_DOOR)
    assert components(less.payload)["lock_door"] == {"p": "lock"}
    less = AnnouncedDevice(less.kept())
    less.announce(WITHOUT_DOOR)
    again, gone = less.born()
    assert (again.topic, again.retain) == (WHOLE.topic, False)
    assert components(again.payload)["lock_door"] == WHOLE.components["lock_door"]
    assert gone == Publication(WHOLE.topic, less.payload or b"", retain=True)
    less.settle()
    assert less.born() == []
    assert "lock_door" not in components(less.payload)
    assert told(*[WITHOUT_DOOR]).kept() == less.kept()


def test_entity_that_is_back_is_not_removed() -> None:
    back = told(WHOLE, WITHOUT_DOOR, WHOLE)
    assert back.payload == WHOLE.payload()
    assert back.born() == []


def test_device_that_is_switched_off_is_removed_until_home_assistant_heard() -> None:
    off = told(WHOLE, None)
    assert off.payload is None
    assert off.gone() == [WHOLE.topic]
    off.told_gone(WHOLE.topic)
    off = AnnouncedDevice(off.kept())
    # once more would be a warning in Home Assistant's log
    assert off.gone() == []
    known, removed = off.born()
    assert components(known.payload) == WHOLE.components
    assert not known.retain
    assert (removed.topic, removed.payload, removed.retain) == (WHOLE.topic, b"", True)
    off.settle()
    assert off.idle
    assert off.kept() is None


def test_device_that_is_switched_on_again_is_removed_from_nowhere() -> None:
    on = told(WHOLE, None, WHOLE)
    assert on.gone() == []
    assert on.payload == WHOLE.payload()


def test_device_of_another_name_or_prefix_is_taken_from_where_it_was() -> None:
    moved = told(WHOLE, MOVED)
    assert moved.gone() == [WHOLE.topic]
    assert [each.topic for each in moved.born()] == [WHOLE.topic] * 2
    assert moved.payload == MOVED.payload()
    moved.settle()
    assert moved.gone() == []


def test_places_where_it_was_are_bounded() -> None:
    places = [discovery_message(EVERYTHING, f"place/{number}") for number in range(MOST + 3)]
    assert len(told(*places).gone()) == MOST - 1


@pytest.mark.parametrize("kept", [b"", b"[]", b"{]", b'{"t": {"surprise": 1}}', b'{"t": 3}'])
def test_what_cannot_be_read_is_told(kept: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        AnnouncedDevice(kept)
