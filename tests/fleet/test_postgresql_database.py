"""A real PostgreSQL that goes away, and comes back."""

from __future__ import annotations

import signal
import sys

import pytest

from agent.errors import ConfigurationError
from agent.fleet.fleet_store import StoreRefused, StoreUnavailable
from agent.fleet.postgresql_database import PostgresqlDatabase, check_address
from agent.fleet.sql_store import SqlStore
from tests.fleet.postgresql import PostgreSql
from tests.fleet.samples import closed, collected


def test_postgresql_without_its_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"callbox\[fleet\]"):
        PostgresqlDatabase("host=x")


@pytest.mark.parametrize(
    ("url", "reason"),
    [("no such thing", 'missing "="'), ("postgresql://door:quite secret@[db", "cannot be read")],
)
def test_an_address_that_cannot_be_read_is_quoted_without_a_password(url: str, reason: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ValueError, match=r"such as postgresql://USER@HOST/DATABASE") as refused:
        check_address(url)
    assert str(refused.value).startswith(reason)
    assert "secret" not in str(refused.value)


@pytest.mark.broker
def test_postgresql_that_was_restarted_is_connected_to_again() -> None:
    record = collected("door-1", "events/closed", closed())
    with PostgreSql() as server:
        store = SqlStore(PostgresqlDatabase(server.url))
        store.write([record])
        server.stop(signal.SIGQUIT)
        with pytest.raises(StoreUnavailable):
            store.write([record])
        with pytest.raises(StoreUnavailable):
            store.write([record])
        server.start()
        assert store.write([record, collected("door-1", "events/closed", closed())]).repeated == 1
        assert len(store.query("SELECT * FROM call")) == 2
        store.close()


@pytest.mark.broker
def test_postgresql_refuses_a_value_and_goes_on(postgresql: PostgreSql) -> None:
    database = PostgresqlDatabase(postgresql.url)
    database.open()
    database.run("CREATE TEMPORARY TABLE t (n INTEGER)")
    with pytest.raises(StoreRefused), database.transaction():
        database.run("INSERT INTO t VALUES (?)", (2**40,))
    with pytest.raises(StoreRefused), database.transaction():
        database.run_each("INSERT INTO t VALUES (?)", [(1,), (2**40,)])
    assert database.rows("SELECT * FROM t") == []
    assert database.run_each("INSERT INTO t VALUES (?)", [(1,), (2,)]) == [1, 1]
    database.close()


@pytest.mark.broker
def test_postgresql_that_is_only_read_is_not_written(postgresql: PostgreSql) -> None:
    database = PostgresqlDatabase(postgresql.url, read_only=True)
    database.open()
    with pytest.raises(StoreUnavailable, match="read-only"):
        database.run("CREATE TABLE never (n INTEGER)")
    database.close()
