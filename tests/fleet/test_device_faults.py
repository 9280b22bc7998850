"""What is wrong with a device, and what to do."""

from __future__ import annotations

import random
from typing import Any

import pytest

from agent.core.timestamps import format_time
from agent.fleet.device_faults import SILENCE, device_faults, faults_in_sql
from agent.fleet.fleet_questions import devices
from agent.fleet.sql_store import SqlStore
from tests.fleet.samples import NOW, collected

DAY = 86_400_000
WELL = {
    "state": "online",
    "last_seen": NOW - 60_000,
    "first_seen": NOW - 10 * DAY,
    "status_changes": 20,
    "clock_ahead": 0.2,
}


def codes(row: dict[str, Any] | None = None, health: dict[str, Any] | None = None) -> list[str]:
    found = device_faults(WELL | (row or {}), health or {}, NOW)
    assert all(each.advice for each in found)
    return [each.code for each in found]


def test_device_faults_of_a_device_that_is_well() -> None:
    assert codes(health={"undervoltage": False, "clockSynchronized": True, "faults": []}) == []


@pytest.mark.parametrize(
    ("row", "health", "code"),
    [
        ({"state": "offline"}, {}, "offline"),
        ({"status_changes": 500}, {}, "flapping"),
        ({"clock_ahead": -3600.0}, {}, "clock_off"),
        ({"clock_ahead": None}, {"clockSynchronized": False}, "clock_off"),
        ({}, {"undervoltage": True}, "undervoltage"),
        ({}, {"outboxWaiting": 51}, "outbox_waiting"),
        ({}, {"faults": ["button_stuck"]}, "button_stuck"),
    ],
)
def test_device_faults_names(row: dict[str, Any], health: dict[str, Any], code: str) -> None:
    assert codes(row, health) == [code]


def test_device_faults_of_a_silent_device_come_first() -> None:
    mute = {"last_seen": NOW - SILENCE - 1}
    assert codes(mute, {"undervoltage": True}) == ["silent", "undervoltage"]


@pytest.mark.parametrize(
    "odd", [{"faults": "x"}, {"faults": [1, "", "\x1b[2J"]}, {"outboxWaiting": "9"}]
)
def test_device_faults_of_odd_health_are_none(odd: dict[str, Any]) -> None:
    assert codes(health=odd) == []


def test_device_faults_are_counted_the_same_by_the_database(store: SqlStore) -> None:
    chance = random.Random(16)
    for number in range(60):
        uid, at = f"door-{number:02d}", NOW - chance.choice((0, SILENCE, SILENCE + 1, 2 * DAY))
        health = {
            "timestamp": format_time(at / 1000 + chance.choice((0, 0, 31, -31))),
            "undervoltage": chance.random() < 0.3,
            "outboxWaiting": chance.choice((0, 50, 51)),
            "faults": chance.choice(([], ["button_stuck"], ["button_stuck", 1, "record_not_kept"])),
        }
        # none, 24 or 25 changes, 48 or 49
        states = (["online", "offline"] * 25)[: chance.choice((1, 25, 26, 49, 50))]
        said = [collected(uid, "status", {"state": each}, at=at) for each in states]
        store.write([collected(uid, "health", health, at=at), *said])
    sql, numbers = faults_in_sql(NOW)
    rows = store.query(f"SELECT uid, {sql} AS n FROM device", numbers)
    counted = {row["uid"]: row["n"] for row in rows}
    told = {each["device"]: len(each.get("faults", ())) for each in devices(store, NOW, 100)}
    assert counted == told
    assert set(told.values()) >= {0, 1, 2, 3, 4}
    # those that have most come first, however few are asked for
    most = sorted(told, key=lambda uid: (-told[uid], uid))
    assert [each["device"] for each in devices(store, NOW, 7)] == most[:7]
