"""`open`, and what answers it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.core.call import events as core
from agent.errors import MalformedMessage
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.translation import to_input, to_message

CONVERSATION = "11111111-1111-4111-8111-111111111111"
HEAD = {"conversation": CONVERSATION, "party": "phone"}
ISSUED = "2026-11-22T10:15:00.123Z"


def parsed(**fields: Any) -> wire.SignalMessage:
    return wire.parse_signal(json.dumps(HEAD | fields).encode())


def test_door_open_becomes_what_the_core_hears() -> None:
    message = parsed(type="open", issuedAt=ISSUED, output="gate", code="4711", auth="x")
    heard = to_input("alice", message)
    issued = wire.parse_time(ISSUED)
    assert heard == core.OpenReceived("alice", "phone", ISSUED, issued, "gate", "4711")
    assert "4711" not in repr(message)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"issuedAt": "now"},
        {"issuedAt": ISSUED, "output": ""},
        {"issuedAt": ISSUED, "output": "x" * 65},
        {"issuedAt": ISSUED, "code": 4711},
        {"issuedAt": ISSUED, "code": "1" * 65},
    ],
)
def test_door_open_that_cannot_be_used_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        parsed(type="open", **fields)


def test_door_messages_go_out_as_the_protocol_has_them() -> None:
    def said(effect: Any) -> dict[str, Any]:
        message = to_message(effect, conversation=CONVERSATION, party="p", wall=0.0)
        body: dict[str, Any] = json.loads(wire.encode(message))
        return {name: value for name, value in body.items() if name not in HEAD}

    assert said(core.SendOpen(wire.parse_time(ISSUED), None, "4711")) == {
        "type": "open",
        "issuedAt": ISSUED,
        "code": "4711",
    }
    assert said(core.SendOpened("door", ISSUED)) == {
        "type": "opened",
        "output": "door",
        "issuedAt": ISSUED,
    }
    now = wire.parse_time(ISSUED)
    assert said(core.SendOpenRefused("stale", "late", now)) == {
        "type": "error",
        "code": "stale",
        "message": "late",
        "now": ISSUED,
    }
    heard = to_input("door-1", parsed(type="error", code="stale", message="late", now=ISSUED))
    assert heard == core.ErrorReceived("door-1", "phone", "stale", "late", now)
    opened = to_input("door-1", parsed(type="opened", output="door", issuedAt=ISSUED))
    assert opened == core.OpenedReceived("door-1", "phone", "door", now)
