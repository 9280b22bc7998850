"""Tables for people: what one reads, and what to do in full."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from agent.commands.fleet_tables import (
    call_rows,
    device_rows,
    event_rows,
    fault_rows,
    local_time,
    plain_rows,
    print_table,
    step_rows,
)

AT = "2026-11-18T01:46:40.123Z"
DEVICE: dict[str, Any] = {
    "device": "door-1",
    "state": "online",
    "busy": True,
    "lastSeen": AT,
    "faults": ["undervoltage", "clock_off"],
    "advice": "its supply is too weak: use the board's own; its clock is wrong: give it a server",
}
CALL: dict[str, Any] = {
    "device": "door-1",
    "remoteUid": "alice",
    "direction": "incoming",
    "conversation": "c-1",
    "timestamp": AT,
    "result": "connected",
    "reason": "user_hangup",
    "duration": 12.4,
    "timeToResponse": 0.123,
    "loss": 0.0123,
}


def test_fault_rows_tell_each_fault_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    rows = fault_rows([DEVICE], UTC)
    assert [row["fault"] for row in rows] == ["undervoltage", "clock_off"]
    print_table(rows)
    assert capsys.readouterr().out.splitlines()[1].endswith("too weak: use the board's own")


def test_device_rows_tell_state_and_faults() -> None:
    (row,) = device_rows([DEVICE], UTC)
    assert (row["state"], row["faults"]) == ("in a call", "undervoltage, clock_off")
    assert row["seen"] == "2026-11-18 01:46:40"
    gone = {"device": "door-2", "state": "offline", "busy": True}
    assert device_rows([gone])[0]["state"] == "offline"


def test_call_rows_are_one_for_each_conversation() -> None:
    other = CALL | {"device": "alice", "remoteUid": "door-1", "direction": "outgoing"}
    refused = CALL | {"conversation": "c-2", "duration": 0, "result": "refused", "loss": None}
    first, second = call_rows([CALL, other, refused], UTC)
    assert (first["from"], first["to"], first["took"]) == ("alice", "door-1", "12 s")
    assert (first["answer"], first["loss"], first["id"]) == ("0.12 s", "1.2%", "c-1")
    assert (second["took"], second["loss"]) == ("", "")
    assert [call_rows([each])[0]["from"] for each in (CALL, other)] == ["alice", "alice"]


def test_step_and_event_rows_tell_what_is_known() -> None:
    step = {"timestamp": AT, "step": "closed", "device": "door-1", "reason": "rejected"}
    (row,) = step_rows([step], UTC)
    assert (row["time"], row["what is known"]) == ("2026-11-18 01:46:40.123", "reason rejected")
    event: dict[str, Any] = {
        "event": "ring",
        "eventId": "1",
        "targets": ["a", "b"],
        "more": {},
        "timestamp": None,
    }
    assert event_rows([event])[0] == {"time": "", "event": "ring", "what is known": "targets a, b"}


def test_local_time_of_what_is_none_is_as_it_is() -> None:
    assert local_time("soon") == "soon"
    assert local_time("0001-01-01T00:00:00Z", UTC) == "0001-01-01 00:00:00"


def test_print_table_leaves_out_empty_columns_and_writes_nothing_odd(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(plain_rows([{"a": "\x1b[2J", "b": "x" * 50, "c": 1.5}, {"a": "", "d": [1]}]))
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["a", "b", "c"]
    assert "\x1b" not in first
    assert "x" * 40 + "  1.5" in first
    assert second == ""
    print_table([])
    assert capsys.readouterr().out == "Nothing.\n"
