"""The events of a conversation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.core.call.reasons import CallStatus, CloseReason, Direction, Side
from agent.core.statistics import reports
from agent.core.statistics.reports import CallRecord, SetupTimes
from agent.signaling.protocol.messages import (
    CalledEvent,
    ClosedEvent,
    EventHeader,
    LocalStatsEvent,
    encode,
)
from agent.signaling.protocol.telemetry import EVENTS, CommandResultEvent

SCHEMAS = Path(__file__).parents[3] / "config" / "schemas"
CONVERSATION = "6f1c2a34-5b6d-4e7f-8a90-1b2c3d4e5f60"
HEADER = EventHeader(
    event_id="e-1",
    device="door-1",
    conversation=CONVERSATION,
    remote_uid="desk",
    direction=Direction.INCOMING,
    timestamp="2026-11-22T10:15:00.123Z",
)


def test_telemetry_null_inside_user_data_is_the_caller_s_own() -> None:
    called = CalledEvent.of(HEADER, user_data={"floor": None, "names": [None]})
    assert json.loads(encode(called))["userData"] == {"floor": None, "names": [None]}


def test_telemetry_call_record_becomes_the_closed_event() -> None:
    record = CallRecord(
        reason=CloseReason.USER_HANGUP,
        closed_by=Side.REMOTE,
        call_status=CallStatus.ACCEPTED,
        duration=12.5,
        setup=SetupTimes(response=80.0, first_frame=410.0),
        path=reports.Path(local="host", relayed=False),
    )
    event = json.loads(encode(ClosedEvent.of(HEADER, record)))
    assert event["event"] == "closed"
    assert (event["eventId"], event["remoteUid"], event["direction"]) == ("e-1", "desk", "incoming")
    assert (event["reason"], event["closedBy"], event["duration"]) == (
        "user_hangup",
        "remote",
        12.5,
    )
    assert event["setup"] == {"response": 80.0, "firstFrame": 410.0}
    assert event["path"] == {"local": "host", "relayed": False}
    assert "video" not in event


def test_telemetry_only_statistics_may_get_lost() -> None:
    assert LocalStatsEvent.QOS == 0
    assert ClosedEvent.QOS == 1


def test_telemetry_event_of_another_conversation_s_form_is_our_own_fault() -> None:
    with pytest.raises(ValidationError):
        ClosedEvent.of(HEADER)


@pytest.mark.parametrize("name", EVENTS)
def test_telemetry_event_is_named_as_its_topic(name: str) -> None:
    assert EVENTS[name].model_fields["event"].default == name


def test_telemetry_result_keeps_what_belongs_to_its_verb() -> None:
    event = CommandResultEvent.model_validate(
        {"verb": "call", "device": "door-1", "timestamp": HEADER.timestamp, "ok": True, "x": 1}
    )
    assert json.loads(encode(event)) == {
        "event": "command_result",
        "verb": "call",
        "device": "door-1",
        "timestamp": HEADER.timestamp,
        "ok": True,
        "x": 1,
    }


@pytest.mark.parametrize("schema", sorted(SCHEMAS.glob("event-*.json")), ids=lambda file: file.stem)
def test_telemetry_has_no_address_of_either_side(schema: Path) -> None:
    """Where calls go is nobody's business, and a port would be a target."""
    names = {each.lower() for each in re.findall(r'"(\w+)":', schema.read_text())}
    words = ("localaddress", "remoteaddress", "address", "ip", "port", "localport", "remoteport")
    assert not names & set(words)
