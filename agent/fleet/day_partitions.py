"""Health and statistics in PostgreSQL, divided by day: what is too old goes with its day, at once,
and no row is removed one by one.

With TimescaleDB, where its extension is in the database, they are hypertables of a day a chunk,
compressed after a day. Events and calls are not divided: what makes an event once is device and
`eventId`, and PostgreSQL holds such a key over all partitions only where the day is part of it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from agent.errors import CallboxError
from agent.fleet.fleet_store import Row

logger = logging.getLogger(__name__)

TABLES = ("health", "statistics")
_DAY = 86_400_000
# days that are there before they begin
_AHEAD = 3
_NAME = re.compile(r"_d(\d+)$")
_COMPRESSED_AFTER = _DAY
# rows of PostgreSQL's catalogue
_KIND = "SELECT relkind::text AS kind FROM pg_class WHERE oid = to_regclass(?)"
_PARTS = "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = to_regclass(?)"
_EXTENSION = "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
_HYPERTABLE = "SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_name = ?"


class Runs(Protocol):
    """A connection; statements outside a transaction are committed alone."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int: ...

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]: ...


def keep_days(connection: Runs, transaction: Callable[[], Any], now: int, before: int) -> None:
    """Divide the tables if they are not yet, make the days that come, and drop those that end
    before `before`. Milliseconds.
    """
    timescale = bool(connection.rows(_EXTENSION))
    for table in TABLES:
        if timescale:
            _keep_chunks(connection, transaction, table, before)
        else:
            with transaction():
                _divide(connection, table, now, before)
                _make_days(connection, table, now)
                _drop_days(connection, table, before)


def _divide(connection: Runs, table: str, now: int, before: int) -> None:
    """An ordinary table becomes a divided one, with what is in it."""
    if [row["kind"] for row in connection.rows(_KIND, (table,))] != ["r"]:
        return
    connection.run(f"ALTER TABLE {table} RENAME TO {table}_undivided")
    connection.run(f"DROP INDEX {table}_at")
    connection.run(
        f"CREATE TABLE {table} (LIKE {table}_undivided INCLUDING DEFAULTS) PARTITION BY RANGE (at)"
    )
    key = "device, at" if table == "health" else "device, conversation, kind, at"
    connection.run(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})")
    connection.run(f"CREATE INDEX {table}_at ON {table} (at)")
    # for a clock that is far off: what is before the first day and after the last
    connection.run(f"CREATE TABLE {table}_other PARTITION OF {table} DEFAULT")
    for day in range(before // _DAY, now // _DAY):
        _make_day(connection, table, day)
    _make_days(connection, table, now)
    connection.run(f"INSERT INTO {table} SELECT * FROM {table}_undivided")  # noqa: S608
    connection.run(f"DROP TABLE {table}_undivided")


def _make_days(connection: Runs, table: str, now: int) -> None:
    days = _days(connection, table)
    for day in range(now // _DAY, now // _DAY + _AHEAD + 1):
        if day not in days:
            _make_day(connection, table, day)


def _make_day(connection: Runs, table: str, day: int) -> None:
    """What a clock that was ahead has already said of that day moves into it."""
    begin, end = day * _DAY, (day + 1) * _DAY
    name = f"{table}_d{day}"
    connection.run(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS)")
    connection.run(
        f"WITH early AS (DELETE FROM {table}_other WHERE at >= {begin} AND at < {end} RETURNING *) "  # noqa: S608
        f"INSERT INTO {name} SELECT * FROM early"
    )
    connection.run(
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end})"
    )


def _drop_days(connection: Runs, table: str, before: int) -> None:
    for day in _days(connection, table):
        if (day + 1) * _DAY <= before:
            connection.run(f"DROP TABLE {table}_d{day}")


def _days(connection: Runs, table: str) -> set[int]:
    names = [row["name"] for row in connection.rows(_PARTS, (table,))]
    return {int(found[1]) for name in names if (found := _NAME.search(name))}


def _keep_chunks(connection: Runs, transaction: Callable[[], Any], table: str, before: int) -> None:
    if not connection.rows(_HYPERTABLE, (table,)):
        if [row["kind"] for row in connection.rows(_KIND, (table,))] != ["r"]:
            # divided by day before the extension came: goes on so
            return
        with transaction():
            connection.run(
                f"SELECT create_hypertable('{table}', 'at', chunk_time_interval => {_DAY}::bigint, "
                "migrate_data => true)"
            )
        try:
            with transaction():
                _compress(connection, table)
        except CallboxError as error:
            # Debian's build has the part under the Apache licence alone
            logger.info("TimescaleDB does not compress %s: %s", table, error)
    connection.run(f"SELECT drop_chunks('{table}', older_than => {before}::bigint)")


def _compress(connection: Runs, table: str) -> None:
    connection.run(
        "CREATE OR REPLACE FUNCTION callbox_now() RETURNS BIGINT LANGUAGE SQL STABLE AS "
        "$$SELECT (extract(epoch FROM now()) * 1000)::bigint$$"
    )
    connection.run(
        f"SELECT set_integer_now_func('{table}', 'callbox_now', replace_if_exists => true)"
    )
    connection.run(
        f"ALTER TABLE {table} SET (timescaledb.compress, timescaledb.compress_segmentby = 'device')"
    )
    connection.run(
        f"SELECT add_compression_policy('{table}', compress_after => {_COMPRESSED_AFTER}::bigint)"
    )
