"""What Home Assistant makes of our messages, and what it sends, by the templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.homeassistant import templates
from agent.signaling.protocol.messages import (
    OpenCommand,
    PolicyCommand,
    format_time,
    parse_command,
)
from tests.homeassistant.rendering import entity, render

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
RING = templates.event("ring", templates.RING_IS_FRESH, "timestamp", "eventId", "suppressed")
MISSED = templates.event("missed", templates.MISSED_IS_NEWS, "timestamp", "eventId", "message")


def at(seconds: float) -> str:
    return format_time(NOW.timestamp() + seconds)


def ring(seconds: float, last: float | None = None, template: str = RING) -> dict[str, Any] | None:
    """What becomes of a ring so many seconds from now, `last` being when the last one was."""
    this = entity() if last is None else entity(timestamp=at(last))
    event = {"eventId": "e-1", "timestamp": at(seconds)}
    said = render(template, event, this=this, now=lambda: NOW)
    return json.loads(said) if said else None


def test_ring_that_is_fresh_is_an_event_with_its_fields() -> None:
    said = {"event_type": "ring", "timestamp": at(-1), "eventId": "e-1", "suppressed": None}
    assert ring(-1) == said
    assert ring(-1, last=-10) == said


@pytest.mark.parametrize("late", [-61, -3600, 61])
def test_ring_from_another_time_is_dropped(late: float) -> None:
    assert ring(late) is None


@pytest.mark.parametrize("last", [-1, -0.5])
def test_ring_that_is_told_again_is_dropped(last: float) -> None:
    """Also behind a later one: after a connection was lost, all come again in order."""
    assert ring(-1, last=last) is None


def test_missed_ring_is_news_for_a_day() -> None:
    assert ring(-3600, template=MISSED) is not None
    assert ring(-86_401, template=MISSED) is None
    assert ring(61, template=MISSED) is None
    assert ring(-3600, last=-3600, template=MISSED) is None


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        ({"direction": "incoming"}, "alice"),
        ({"direction": "outgoing", "callStatus": "ACCEPTED"}, "alice"),
        ({"direction": "outgoing", "callStatus": "TIMEOUT"}, "bob"),
        ({"direction": "outgoing"}, "bob"),
        ({"direction": "incoming", "purpose": "view"}, "bob"),
    ],
)
def test_last_caller_is_whoever_called_or_answered(record: dict[str, str], shown: str) -> None:
    message = {"remoteUid": "alice", **record}
    assert render(templates.LAST_CALLER, message, this=entity("bob")) == shown


def test_last_caller_is_never_called_unavailable() -> None:
    message = {"remoteUid": "alice", "direction": "outgoing"}
    assert render(templates.LAST_CALLER, message, this=entity("unavailable")) == "None"


def test_open_brings_its_time_and_code_as_the_device_understands_them() -> None:
    said = render(
        templates.open_command("door", code=True), value="open", code="4711", utcnow=lambda: NOW
    )
    command = parse_command("open", said.encode())
    assert isinstance(command, OpenCommand)
    assert (command.output, command.code) == ("door", "4711")
    assert command.issued_at is not None
    assert datetime.fromisoformat(command.issued_at) == NOW


def test_open_without_a_code_names_none() -> None:
    said = render(templates.open_command("gate", code=False), value="open", code=None)
    assert json.loads(said).keys() == {"output", "issuedAt"}


def test_locking_says_nothing_and_so_opens_nothing() -> None:
    said = render(templates.open_command("door", code=True), value="close", code="4711")
    assert said == ""
    command = parse_command("open", b"")
    assert command.issued_at is None


def test_door_attributes_are_those_of_the_last_try_at_this_door() -> None:
    template = templates.door_attributes("door")
    refused = {
        "output": "door",
        "action": "refused",
        "by": "command",
        "code": "wrong_code",
        "timestamp": at(0),
    }
    said = json.loads(render(template, refused))
    assert said == {
        "action": "refused",
        "by": "command",
        "code": "wrong_code",
        "timestamp": at(0),
    }
    for other in ({"output": "light", "action": "on"}, {"action": "refused"}):
        assert json.loads(render(template, other, this=entity("locked", **said))) == said
    opened = {"output": "door", "action": "open", "by": "alice", "timestamp": at(1)}
    assert json.loads(render(template, opened, this=entity("locked", **said)))["code"] is None


@pytest.mark.parametrize(
    ("template", "message", "shown"),
    [
        (templates.PRIVACY, {"privacy": True}, "True"),
        (templates.PRIVACY, {"privacy": False}, "False"),
        (templates.PRIVACY, {}, "False"),
        (templates.SILENCED, {"silencedUntil": "2026-11-29T12:00:00Z"}, "True"),
        (templates.SILENCED, {"silencedUntil": None}, "False"),
        (templates.SILENCED, {}, "False"),
        (templates.OVERRIDE, {"override": {"action": "ring", "until": None}}, "ring"),
        (templates.OVERRIDE, {"override": None}, "by the rules"),
        (templates.OVERRIDE, {}, "by the rules"),
        (templates.volume("speaker"), {"speaker": 0}, "0"),
        (templates.volume("speaker"), {}, "None"),
        (templates.CONTACT, {"state": "off", "contact": "open"}, "open"),
        (templates.CONTACT, {"state": "off"}, "None"),
        (templates.TEMPERATURE, {"temperatureCelsius": 51.5}, "51.5"),
        (templates.TEMPERATURE, {}, "None"),
        (templates.WIFI, {"wifi": {"rssiDbm": -61}}, "-61"),
        (templates.WIFI, {"wifi": {}}, "None"),
        (templates.WIFI, {}, "None"),
        (templates.UNDERVOLTAGE, {"undervoltage": True}, "True"),
        (templates.UNDERVOLTAGE, {}, "None"),
        (templates.PROBLEM, {"faults": ["button_stuck"]}, "True"),
        (templates.PROBLEM, {"faults": []}, "False"),
        (templates.PROBLEM, {}, "False"),
        (templates.FAULTS, {"faults": ["button_stuck"]}, '{"faults": ["button_stuck"]}'),
        (templates.FAULTS, {}, '{"faults": []}'),
    ],
)
def test_state_is_read_whatever_a_message_leaves_out(
    template: str, message: dict[str, Any], shown: str
) -> None:
    assert render(template, message) == shown


@pytest.mark.parametrize(
    ("option", "override"), [("by the rules", None), ("accept", "accept"), ("reject", "reject")]
)
def test_choice_of_what_becomes_of_calls_is_a_command(option: str, override: str | None) -> None:
    command = parse_command("policy", render(templates.SET_OVERRIDE, value=option).encode())
    assert isinstance(command, PolicyCommand)
    assert command.override == override


def test_volume_and_quick_reply_are_commands() -> None:
    assert render(templates.set_volume("speaker"), value=55.0) == '{"speaker": 55}'
    assert render(templates.SAY, value="just-a-moment") == '{"message": "just-a-moment"}'


def test_ages_are_what_they_are_called() -> None:
    assert timedelta(seconds=templates.MISSED_IS_NEWS) == timedelta(days=1)
    assert timedelta(seconds=templates.SILENCE) == timedelta(hours=8)
