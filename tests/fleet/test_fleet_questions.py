"""The same answers from SQLite and PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.fleet import fleet_questions as ask
from agent.fleet.sql_store import SqlStore
from tests.fleet.samples import NOW, closed, collected

DAY = 86_400_000
SINCE = NOW - 30 * DAY


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    def status(uid: str, state: str = "online", *, at: int = NOW) -> Any:
        return collected(uid, "status", {"state": state, "version": "1.0", "bootId": uid}, at=at)

    refused = closed(connectedAt=None, reason="rejected", remoteUid="carol")
    gave_way = closed(connectedAt=None, reason="answered_elsewhere", answeredBy="x")
    store.write(
        [
            status("door-1"),
            status("door-2", "offline"),
            status("door-3", at=NOW - 200_000),
            collected("door-1", "health", {"undervoltage": True, "temperatureCelsius": 61.5}),
            *(collected("door-1", "events/closed", each) for each in (closed(), refused, gave_way)),
            collected(
                "door-3",
                "events/closed",
                closed("door-3", setup={"firstFrame": 4000}),
                at=NOW - 200_000,
            ),
            collected("door-1", "events/ring", {"eventId": "r", "button": "front"}),
        ]
    )
    return store


def test_devices_tells_who_is_silent(filled: SqlStore) -> None:
    states = {each["device"]: each["state"] for each in ask.devices(filled, NOW, 50)}
    assert states == {"door-1": "online", "door-2": "offline", "door-3": "silent"}


def test_worst_is_who_has_a_fault_with_advice(filled: SqlStore) -> None:
    found = {each["device"]: each["faults"] for each in ask.worst(filled, NOW, 50)}
    assert found == {"door-1": ["undervoltage"], "door-2": ["offline"], "door-3": ["silent"]}
    assert all(each["advice"] for each in ask.worst(filled, NOW, 50))


def test_calls_have_protocol_names(filled: SqlStore) -> None:
    found = ask.calls(filled, SINCE, 50)
    assert len(found) == 4
    call = next(each for each in found if each["device"] == "door-3")
    assert call["remoteUid"] == "alice"
    assert call["timeToFirstFrame"] == 4.0
    assert call["relayed"] is False
    assert "mos" not in call
    assert len(ask.calls(filled, SINCE, 2)) == 2
    assert ask.calls(filled, NOW + DAY, 50) == []


def test_device_has_its_calls_and_events(filled: SqlStore) -> None:
    (found,) = ask.device(filled, "door-1", NOW, SINCE, 50)
    assert found["health"]["temperatureCelsius"] == 61.5
    assert len(found["calls"]) == 3
    assert [each["button"] for each in found["events"]] == ["front"]
    assert ask.device(filled, "nobody", NOW, SINCE, 50) == []


def test_versions_count_failures_and_spans(filled: SqlStore) -> None:
    (found,) = ask.versions(filled, SINCE, 50)
    assert (found["version"], found["devices"], found["calls"]) == ("1.0", 3, 4)
    # refused by a rule and given way to another are no failures
    assert found["failed"] == 0
    assert found["timeToFirstFrameP95"] == 5.0


def test_reasons_are_counted(filled: SqlStore) -> None:
    found = {
        (each["result"], each["reason"]): each["calls"] for each in ask.reasons(filled, SINCE, 9)
    }
    assert found == {
        ("connected", "user_hangup"): 2,
        ("refused", "rejected"): 1,
        ("superseded", "answered_elsewhere"): 1,
    }


def test_quantile_of_nothing_is_not_known(filled: SqlStore) -> None:
    assert ask.quantile(filled, "first_frame", NOW + DAY, 0.5) is None
    assert ask.quantile(filled, "first_frame", SINCE, 0.5) == 0.5


def test_records_are_all_of_them_once(store: SqlStore) -> None:
    store.write([collected("door-1", "events/closed", closed()) for _ in range(1001)])
    found = list(ask.records(store, SINCE))
    assert len(found) == len({each["conversation"] for each in found}) == 1001
    assert all(set(each) <= set(ask.CALL_COLUMNS) for each in found)


def test_answers_are_json(filled: SqlStore) -> None:
    for answer in (
        ask.devices(filled, NOW, 9),
        ask.versions(filled, SINCE, 9),
        ask.reasons(filled, SINCE, 9),
        ask.device(filled, "door-1", NOW, SINCE, 9),
    ):
        assert json.loads(json.dumps(answer)) == answer
