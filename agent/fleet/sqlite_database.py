"""The fleet in one SQLite file: nothing to install, for some hundred thousand calls a month."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agent.fleet.fleet_store import Row, StoreRefused, StoreUnavailable

FILE_NAME = "fleet.db"
# seconds that a reader beside us may make us wait
_BUSY_TIMEOUT = 10.0


class SqliteDatabase:
    """See `Database`. Write-ahead log, so that `callbox fleet` reads while the collector writes;
    each commit is synced, as the broker forgets what we acknowledge.
    """

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        self._file = file
        self.read_only = read_only
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        if self._connection is not None:
            return
        if self.read_only and not self._file.exists():
            raise StoreUnavailable(f"{self._file}: no collector has written there yet")
        with _told(self._file):
            if not self.read_only:
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file.touch(mode=0o600)
            connection = sqlite3.connect(
                self._file,
                timeout=_BUSY_TIMEOUT,
                isolation_level=None,
                check_same_thread=False,
            )
            connection.row_factory = sqlite3.Row
            try:
                if self.read_only:
                    connection.execute("PRAGMA query_only = ON")
                else:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute("PRAGMA synchronous = FULL")
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def types(self) -> dict[str, str]:
        return {"json": "TEXT", "serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "bytes": "BLOB"}

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        if self.read_only:
            # a schema that is there is not changed by a reader
            yield
            return
        self.run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(StoreUnavailable, StoreRefused):
                self.run("ROLLBACK")
            raise
        self.run("COMMIT")

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        with _told(self._file):
            return self._open_connection().execute(sql, parameters).rowcount

    def run_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[int]:
        with _told(self._file):
            execute = self._open_connection().execute
            return [execute(sql, row).rowcount for row in rows]

    def insert(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with _told(self._file):
            self._open_connection().executemany(sql, rows)

    def insert_new(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[bool]:
        return [count > 0 for count in self.run_each(sql, rows)]

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with _told(self._file):
            return [dict(row) for row in self._open_connection().execute(sql, parameters)]

    def keep_days(self, now: int, before: int) -> None:
        """SQLite divides no tables."""

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreUnavailable(f"{self._file}: is not open")
        return self._connection


@contextlib.contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.DataError, sqlite3.IntegrityError, OverflowError, UnicodeError) as error:
        raise StoreRefused(str(error)) from error
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreUnavailable(f"{file}: {reason}") from error
