"""What is wrong with a device, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from agent.fleet.device_faults import device_faults
from tests.fleet.samples import NOW

DAY = 86_400_000
WELL = {
    "state": "online",
    "first_seen": NOW - 10 * DAY,
    "status_changes": 20,
    "clock_ahead": 0.2,
}


def codes(
    row: dict[str, Any] | None = None, health: dict[str, Any] | None = None, silent: bool = False
) -> list[str]:
    found = device_faults(WELL | (row or {}), health or {}, NOW, silent=silent)
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
    assert codes(health={"undervoltage": True}, silent=True) == ["silent", "undervoltage"]


@pytest.mark.parametrize(
    "odd", [{"faults": "x"}, {"faults": [1, "", "\x1b[2J"]}, {"outboxWaiting": "9"}]
)
def test_device_faults_of_odd_health_are_none(odd: dict[str, Any]) -> None:
    assert codes(health=odd) == []
