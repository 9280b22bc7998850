"""One contract, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.fleet.fleet_store import Retention
from agent.fleet.sql_store import SqlStore
from tests.fleet.samples import NOW, closed, collected, rejected

DAY = 86_400.0
HOUR = 3_600_000


def calls(store: SqlStore) -> list[Any]:
    return [row["event_id"] for row in store.query("SELECT event_id FROM call ORDER BY event_id")]


def test_store_writes_a_record_once(store: SqlStore) -> None:
    record = collected("door-1", "events/closed", closed())
    first = store.write([record, record])
    again = store.write([record])
    assert (len(first.new), first.repeated, len(again.new), again.repeated) == (1, 1, 0, 1)
    assert calls(store) == [record.event_id]
    assert store.query("SELECT SUM(calls) AS n FROM call_hour")[0]["n"] == 1
    assert store.query("SELECT SUM(calls) AS n FROM span_hour")[0]["n"] == 2


def test_store_tells_two_devices_with_one_event_id_apart(store: SqlStore) -> None:
    same = {"eventId": "1"}
    store.write([collected(d, "events/closed", closed(d, **same)) for d in ("door-1", "door-2")])
    assert calls(store) == ["1", "1"]


def test_store_keeps_what_it_does_not_know(store: SqlStore) -> None:
    store.write([collected("door-1", "events/closed", closed(newer=[1, {"a": None}]))])
    body = store.query("SELECT body FROM event")[0]["body"]
    body = json.loads(body) if isinstance(body, str) else body
    assert body["newer"] == [1, {"a": None}]


def test_store_writes_numbers_and_texts_of_any_size(store: SqlStore) -> None:
    odd = closed(reconnects=2**52, duration=1e300, remoteUid="a\0b", rule="\0", huge=10**400)
    assert len(store.write([collected("door-1", "events/closed", odd)]).new) == 1


def test_store_counts_a_call_for_the_version_of_its_device(store: SqlStore) -> None:
    about = collected("door-1", "about", {"uid": "door-1", "version": "2.0", "model": "Pi"})
    store.write([collected("door-1", "events/closed", closed()), about])
    assert [row["version"] for row in store.query("SELECT version FROM call")] == ["2.0"]


def test_store_device_is_what_it_last_said(store: SqlStore) -> None:
    said = [("online", "a"), ("offline", "a"), ("online", "b"), ("online", "b")]
    for state, boot in said:
        body = {"state": state, "bootId": boot, "version": "1.0", "busy": state == "online"}
        store.write([collected("door-1", "status", body)])
    row = store.query("SELECT * FROM device")[0]
    assert (row["state"], row["busy"], row["boots"], row["status_changes"]) == ("online", 1, 2, 2)


def test_store_device_that_only_rings_is_seen(store: SqlStore) -> None:
    store.write([collected("door-1", "events/ring", {"eventId": "1"}, at=NOW + 5)])
    assert store.query("SELECT uid, last_seen FROM device") == [
        {"uid": "door-1", "last_seen": NOW + 5}
    ]


def test_store_health_tells_how_far_the_clock_is_off(store: SqlStore) -> None:
    body = {"timestamp": "2026-11-18T01:46:30.000Z", "temperatureCelsius": 50.5}
    read = collected("door-1", "health", body)
    store.write([read])
    row = store.query("SELECT clock_ahead, health_at FROM device")[0]
    assert read.said_at is not None
    assert row["clock_ahead"] == (read.said_at - NOW) / 1000
    assert len(store.query("SELECT * FROM health")) == 1


def test_store_keeps_rejects_beside_the_rest(store: SqlStore) -> None:
    reject = rejected("door-2", "events/closed", closed("door-1"))
    written = store.write([reject, collected("door-1", "events/closed", closed())])
    assert (written.rejected, len(written.new)) == (1, 1)
    row = store.query("SELECT topic, payload FROM reject")[0]
    assert row["topic"].endswith("door-2/events/closed")
    assert bytes(row["payload"]) == reject.payload


def test_store_forgets_a_caller_and_those_rung_with_him(store: SqlStore) -> None:
    shared = "3f2b8e0c-6a5d-4f0e-9a53-6f1f6f0d9a11"
    store.write(
        [
            collected("door-1", "events/closed", closed(conversation=shared)),
            collected("door-1", "events/ring", {"eventId": "r", "conversation": shared}),
            collected("door-1", "events/closed", closed(remoteUid="bob")),
        ]
    )
    assert store.forget("alice") == 2
    assert [row["remote_uid"] for row in store.query("SELECT remote_uid FROM event")] == ["bob"]
    assert [row["remote_uid"] for row in store.query("SELECT remote_uid FROM call")] == ["bob"]
    # what was counted has no name in it, and stays
    assert store.query("SELECT SUM(calls) AS n FROM call_hour")[0]["n"] == 2


def test_store_purges_what_is_too_old_and_nothing_else(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.fleet.sql_store._PURGED_AT_ONCE", 2)
    old = NOW - round(20 * DAY * 1000)
    rows = [collected("door-1", "health", {}, at=old + number) for number in range(7)]
    rows += [collected("door-1", "health", {}, at=NOW)]
    old_call = closed(timestamp="2025-01-01T00:00:00.000Z")
    rows += [collected("door-1", "events/closed", each) for each in (closed(), old_call)]
    rejects = [rejected("door-2", "about", {"uid": "x"}) for _ in range(5)]
    store.write([*rows, *rejects])
    removed = store.purge(NOW, Retention(records=400 * DAY, details=14 * DAY, rejects=3))
    # health; event, call, and by hour and by day two spans and one count of the old record; two
    # rejects
    assert removed == 7 + 8 + 2
    assert len(store.query("SELECT * FROM health")) == 1
    assert len(store.query("SELECT * FROM event")) == len(calls(store)) == 1
    assert len(store.query("SELECT * FROM reject")) == 3


def test_store_goes_on_where_another_one_stopped(store: SqlStore) -> None:
    record = collected("door-1", "events/closed", closed())
    store.write([record])
    store.close()
    assert store.write([record]).repeated == 1


def test_store_bounds_rejects_between_two_purges(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.fleet.sql_store.REJECTS_KEPT", 10)
    for _ in range(9):
        store.write([rejected("door-2", "about", {"uid": "x"}) for _ in range(5)])
    (row,) = store.query("SELECT COUNT(*) AS n, MAX(id) AS last FROM reject")
    assert (row["last"], row["n"]) == (45, 15)
