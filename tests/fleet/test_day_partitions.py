"""Health by the day in a real PostgreSQL: divided as it is found, made ahead, dropped whole."""

from __future__ import annotations

import pytest

from agent.fleet.fleet_store import Retention
from agent.fleet.postgresql_database import PostgresqlDatabase
from agent.fleet.sql_store import SqlStore
from tests.fleet.postgresql import PostgreSql
from tests.fleet.samples import NOW, collected

pytestmark = pytest.mark.broker
DAY = 86_400_000
RETENTION = Retention(400 * 86_400, 14 * 86_400)


@pytest.fixture
def store(postgresql: PostgreSql) -> SqlStore:
    database = PostgresqlDatabase(postgresql.url)
    database.open()
    database.run("DROP SCHEMA public CASCADE")
    database.run("CREATE SCHEMA public")
    database.close()
    return SqlStore(PostgresqlDatabase(postgresql.url))


def health(*days: int) -> list[str]:
    return [f"door-{day}" for day in days]


def write(store: SqlStore, *days: int) -> None:
    """What a device says that many days before NOW; negative: its clock is ahead."""
    for day in days:
        said = collected(f"door-{day}", "health", {}, at=NOW - day * DAY)
        store.write([said])


def kept(store: SqlStore) -> set[str]:
    return {row["device"] for row in store.query("SELECT device FROM health")}


def parts(store: SqlStore) -> set[str]:
    rows = store.query(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
        "WHERE inhparent = 'health'::regclass"
    )
    return {row["name"] for row in rows}


def test_days_of_a_table_that_was_not_divided_keep_what_is_in_it(store: SqlStore) -> None:
    write(store, 0, 1, 13, 20)
    store.purge(NOW, RETENTION)
    assert kept(store) == set(health(0, 1, 13))
    today = NOW // DAY
    wanted = {f"health_d{day}" for day in range(today - 14, today + 4)}
    assert parts(store) == wanted | {"health_other"}
    write(store, 0)
    store.close()


def test_days_that_are_over_are_dropped_whole(store: SqlStore) -> None:
    store.purge(NOW, RETENTION)
    write(store, 0, 1, 2)
    store.purge(NOW + 14 * DAY, RETENTION)
    assert kept(store) == set(health(0))
    assert f"health_d{NOW // DAY - 1}" not in parts(store)
    store.close()


def test_days_that_come_take_what_was_said_of_them(store: SqlStore) -> None:
    store.purge(NOW, RETENTION)
    write(store, -10, 300)
    assert {row["device"] for row in store.query("SELECT device FROM health_other")} == set(
        health(-10, 300)
    )
    store.purge(NOW + 8 * DAY, RETENTION)
    assert kept(store) == set(health(-10))
    rows = store.query(f"SELECT device FROM health_d{NOW // DAY + 10}")
    assert [row["device"] for row in rows] == health(-10)
    store.purge(NOW + 8 * DAY, RETENTION)
    store.close()


def test_days_know_a_repeated_delivery(store: SqlStore) -> None:
    store.purge(NOW, RETENTION)
    write(store, 0, 0)
    assert len(store.query("SELECT 1 AS one FROM health")) == 1
    store.close()
