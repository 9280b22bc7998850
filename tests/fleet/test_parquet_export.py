"""Records as Parquet, read back."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.errors import ConfigurationError
from agent.fleet.fleet_questions import CALL_COLUMNS
from agent.fleet.parquet_export import write_parquet
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from tests.fleet.samples import closed, collected


@pytest.fixture
def filled(tmp_path: Path) -> SqlStore:
    store = SqlStore(SqliteDatabase(tmp_path / FILE_NAME))
    bodies = [closed(), closed(connectedAt=None, endedAt=None, setup={}, path={})]
    store.write([collected("door-1", "events/closed", body) for body in bodies])
    return store


def test_parquet_has_every_record_with_its_types(
    filled: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("agent.fleet.parquet_export._ROWS", 1)
    file = tmp_path / "calls.parquet"
    write_parquet(filled, 0, file)
    filled.close()
    table = parquet.read_table(file)
    assert table.column_names == list(CALL_COLUMNS)
    rows = sorted(table.to_pylist(), key=lambda row: row["endedAt"] is None)
    assert rows[0]["timestamp"] == datetime(2026, 11, 18, 1, 46, 40, tzinfo=UTC)
    assert (rows[0]["relayed"], rows[0]["timeToFirstFrame"]) == (False, 0.4)
    assert (rows[1]["endedAt"], rows[1]["relayed"]) == (None, None)
    assert [each.name for each in tmp_path.glob("*parquet*")] == ["calls.parquet"]


def test_parquet_without_pyarrow_says_what_to_install(
    filled: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match="callbox\\[parquet\\]"):
        write_parquet(filled, 0, tmp_path / "calls.parquet")
    filled.close()
