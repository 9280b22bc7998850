"""One row for each device, from whatever it says."""

from __future__ import annotations

from typing import Any

import pytest

from agent.fleet.device_rows import DEVICE_STATEMENTS
from tests.fleet.samples import NOW, collected


def row(what: str, body: dict[str, Any]) -> tuple[Any, ...]:
    return DEVICE_STATEMENTS[what][1](collected("door-1", what, body))


@pytest.mark.parametrize("what", sorted(DEVICE_STATEMENTS))
def test_device_statement_has_a_value_for_each_mark(what: str) -> None:
    sql, _ = DEVICE_STATEMENTS[what]
    assert sql.count("?") == len(row(what, {}))


def test_status_that_is_not_online_is_offline() -> None:
    assert row("status", {"state": "online"})[3] == "online"
    assert row("status", {"state": ["online"]})[3] == "offline"


def test_health_without_a_time_tells_nothing_of_the_clock() -> None:
    assert row("health", {})[-2] is None
    assert row("health", {"timestamp": "2026-11-18T01:46:41.000Z"})[-2] is not None


def test_text_of_a_wrong_type_is_not_known() -> None:
    assert row("about", {"version": 1, "model": "a\0b"})[3:5] == (None, "ab")
    assert row("about", {})[1] == NOW
