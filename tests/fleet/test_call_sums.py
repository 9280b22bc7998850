"""Sums by the hour and by the day say what the records say, on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from agent.core.timestamps import format_time
from agent.fleet.call_sums import DAY, HOUR, sums_since
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from tests.fleet.samples import NOW, closed, collected

MOMENTS = [random.Random(16).randrange(NOW - 5 * DAY, NOW) for _ in range(60)]


def write_calls(store: SqlStore) -> None:
    records: list[dict[str, Any]] = [
        closed(
            timestamp=format_time(at / 1000),
            path={"relayed": number % 3 == 0},
            reason="media_timeout" if number % 4 == 0 else "user_hangup",
        )
        for number, at in enumerate(MOMENTS)
    ]
    # in two batches, so that a row is added to another one
    for half in (records[::2], records[1::2]):
        store.write([collected("door-1", "events/closed", each) for each in half])


@pytest.mark.parametrize(
    "since", [NOW - 6 * DAY, NOW // DAY * DAY - DAY, NOW - 2 * DAY, NOW - 90 * 60_000, NOW + DAY]
)
def test_sums_since_a_moment_are_those_of_the_hours_that_begin_then(
    store: SqlStore, since: int
) -> None:
    write_calls(store)
    counted = [each for each in enumerate(MOMENTS) if each[1] // HOUR * HOUR >= since]
    sums, moments = sums_since("call", since)
    (row,) = store.query(
        "SELECT COALESCE(SUM(calls), 0) AS calls, COALESCE(SUM(relayed), 0) AS relayed, "
        f"COALESCE(SUM(dropped), 0) AS dropped, COALESCE(SUM(duration), 0) AS duration FROM {sums}",
        moments,
    )
    assert {name: int(row[name]) for name in row} == {
        "calls": len(counted),
        "relayed": sum(number % 3 == 0 for number, _ in counted),
        "dropped": sum(number % 4 == 0 for number, _ in counted),
        "duration": 10 * len(counted),
    }
    sums, moments = sums_since("span", since)
    (row,) = store.query(f"SELECT COALESCE(SUM(calls), 0) AS calls FROM {sums}", moments)
    assert row["calls"] == 2 * len(counted)


def test_sums_of_an_older_store_are_added_up_by_the_day(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    store = SqlStore(SqliteDatabase(file))
    write_calls(store)
    tables = ("call_day", "span_day")
    right = [store.query(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5") for table in tables]
    store.close()
    database = SqliteDatabase(file)
    database.open()
    for table in tables:
        database.run(f"DROP TABLE {table}")
    database.run("ALTER TABLE device DROP COLUMN health_faults")
    database.run("DELETE FROM schema_version WHERE version >= 3")
    database.close()
    store.open()
    assert [store.query(f"SELECT * FROM {each} ORDER BY 1, 2, 3, 4, 5") for each in tables] == right
    assert right[0]
    store.close()
