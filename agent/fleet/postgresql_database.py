"""The fleet in PostgreSQL 15 or newer, by psycopg 3: for many devices, many collectors, many
readers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from agent.errors import ConfigurationError
from agent.fleet.day_partitions import keep_days
from agent.fleet.fleet_store import Row, StoreRefused, StoreUnavailable

if TYPE_CHECKING:
    import psycopg

# seconds
_CONNECT_TIMEOUT = 10
_STATEMENT_TIMEOUT = 60
# PostgreSQL's bound is 65,535
_PARAMETERS = 30_000


def check_address(url: str) -> str:
    """`url` again. Raises ValueError where psycopg is not installed, or libpq cannot read `url`;
    one that may hold a password is not quoted.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise ValueError("PostgreSQL needs psycopg: pip install 'callbox[fleet]'") from None
    try:
        conninfo_to_dict(url)
    except psycopg.Error as error:
        # libpq quotes what it cannot read
        reason = "cannot be read" if "@" in url else " ".join(str(error).split())
        raise ValueError(f"{reason}; such as postgresql://USER@HOST/DATABASE") from None
    return url


class PostgresqlDatabase:
    """See `Database`. `url` as libpq reads it, without a password in it."""

    def __init__(self, url: str, password: str | None = None, *, read_only: bool = False) -> None:
        """Raises ConfigurationError where `url` is of no use, see `check_address`."""
        try:
            check_address(url)
        except ValueError as error:
            raise ConfigurationError([f"store.url: {error}"]) from None
        import psycopg as module

        self._psycopg = module
        self._url = url
        self._password = password
        self.read_only = read_only
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def open(self) -> None:
        if self._connection is not None:
            return
        from psycopg.rows import dict_row

        with self._told():
            connection = self._psycopg.connect(
                self._url,
                password=self._password,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=_CONNECT_TIMEOUT,
                application_name="callbox",
                options=f"-c statement_timeout={_STATEMENT_TIMEOUT}s "
                f"-c default_transaction_read_only={'on' if self.read_only else 'off'}",
                # a server that vanished is noticed within a minute
                keepalives_idle=20,
                keepalives_interval=10,
                keepalives_count=3,
            )
            self._connection = connection

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def types(self) -> dict[str, str]:
        return {
            "json": "JSONB",
            "serial": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            "bytes": "BYTEA",
        }

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        with self._told(), self._open_connection().transaction():
            yield

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        with self._told():
            return self._open_connection().execute(_marked(sql), parameters).rowcount

    def run_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[int]:
        if not rows:
            return []
        with self._told(), self._open_connection().cursor() as cursor:
            # one round trip for all of them
            cursor.executemany(_marked(sql), rows, returning=True)
            counts = [cursor.rowcount]
            while cursor.nextset():
                counts.append(cursor.rowcount)
            return counts

    def insert(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        for some in _portions(rows):
            with self._told():
                self._execute_wide(sql, some)

    def insert_new(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[bool]:
        new: set[tuple[str, str]] = set()
        for some in _portions(rows):
            with self._told():
                found = self._execute_wide(f"{sql} RETURNING device, event_id", some)
                new |= {(row["device"], row["event_id"]) for row in found}
        return [(row[0], row[1]) in new for row in rows]

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        with self._told():
            return list(self._open_connection().execute(_marked(sql), parameters).fetchall())

    def keep_days(self, now: int, before: int) -> None:
        keep_days(self, self.transaction, now, before)

    def _execute_wide(self, sql: str, rows: Sequence[Sequence[Any]]) -> Any:
        # psycopg would look for its own marks, longer than the database works
        cursor = self._psycopg.RawCursor(self._open_connection())
        return cursor.execute(
            _widened(sql, len(rows), len(rows[0])), [value for row in rows for value in row]
        )

    def _open_connection(self) -> psycopg.Connection[dict[str, Any]]:
        if self._connection is None:
            raise StoreUnavailable("the database: is not open")
        return self._connection

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (self._psycopg.DataError, self._psycopg.IntegrityError, UnicodeError) as error:
            raise StoreRefused(" ".join(str(error).split())) from error
        except (self._psycopg.Error, OSError) as error:
            raise StoreUnavailable(f"the database: {' '.join(str(error).split())}") from error


def _portions(rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    """As many rows at once as one statement may have parameters for."""
    if rows:
        size = _PARAMETERS // len(rows[0])
        for begin in range(0, len(rows), size):
            yield rows[begin : begin + size]


def _widened(sql: str, rows: int, columns: int) -> bytes:
    """`sql` with as many rows of numbered marks after VALUES."""
    head, _, tail = sql.partition(f"VALUES ({', '.join('?' * columns)})")
    marks = ", ".join(
        f"({', '.join(f'${number}' for number in range(first, first + columns))})"
        for first in range(1, rows * columns, columns)
    )
    return f"{head}VALUES {marks}{tail}".encode()


def _marked(sql: str) -> bytes:
    """`sql` with psycopg's marks. No statement of ours has a `?` or `%` in a text."""
    return sql.replace("%", "%%").replace("?", "%s").encode()
