"""The file: private, readable beside the writer, and what is wrong with it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.fleet.fleet_store import StoreRefused, StoreUnavailable
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from tests.fleet.samples import closed, collected


def test_sqlite_file_is_private(tmp_path: Path) -> None:
    store = SqlStore(SqliteDatabase(tmp_path / "state" / FILE_NAME))
    store.open()
    store.close()
    assert (tmp_path / "state" / FILE_NAME).stat().st_mode & 0o077 == 0
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_sqlite_is_read_while_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    writer, reader = SqlStore(SqliteDatabase(file)), SqlStore(SqliteDatabase(file, read_only=True))
    writer.write([collected("door-1", "events/closed", closed())])
    assert len(reader.query("SELECT * FROM call")) == 1
    writer.write([collected("door-1", "events/closed", closed())])
    assert len(reader.query("SELECT * FROM call")) == 2
    with pytest.raises(StoreUnavailable):
        reader.forget("alice")
    reader.close()
    writer.close()


def test_sqlite_that_nobody_has_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no collector has written"):
        SqlStore(SqliteDatabase(tmp_path / FILE_NAME, read_only=True)).open()
    assert not list(tmp_path.iterdir())


def test_sqlite_file_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(b"not a database at all, and long enough to be taken for one" * 20)
    store = SqlStore(SqliteDatabase(file))
    with pytest.raises(StoreUnavailable, match=FILE_NAME):
        store.open()
    store.close()


def test_sqlite_refuses_a_number_that_it_cannot_hold(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / FILE_NAME)
    database.open()
    database.run("CREATE TABLE t (n INTEGER)")
    with pytest.raises(StoreRefused), database.transaction():
        database.run("INSERT INTO t VALUES (?)", (2**70,))
    assert database.rows("SELECT * FROM t") == []
    database.close()


def test_sqlite_of_another_version_is_told_to_a_reader(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / FILE_NAME)
    writer = SqlStore(database)
    writer.open()
    database.run("INSERT INTO schema_version (version) VALUES (99)")
    writer.close()
    reader = SqlStore(SqliteDatabase(tmp_path / FILE_NAME, read_only=True))
    with pytest.raises(StoreUnavailable, match="version 99"):
        reader.open()
    reader.close()
