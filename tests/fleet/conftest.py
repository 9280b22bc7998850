"""The stores, empty: SQLite in a file, and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.fleet.postgresql_database import PostgresqlDatabase
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from tests.fleet.postgresql import PostgreSql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    with PostgreSql() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.broker)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        store = SqlStore(SqliteDatabase(tmp_path / FILE_NAME))
    else:
        server: PostgreSql = request.getfixturevalue("postgresql")
        database = PostgresqlDatabase(server.url)
        database.open()
        database.run("DROP SCHEMA public CASCADE")
        database.run("CREATE SCHEMA public")
        database.close()
        store = SqlStore(PostgresqlDatabase(server.url))
    yield store
    store.close()
