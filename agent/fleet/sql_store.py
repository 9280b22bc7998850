"""The fleet's store, in SQL for SQLite and PostgreSQL alike; `Database` is what differs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from typing import Any, Protocol

from agent.errors import CallboxError
from agent.fleet.call_row import CallResult, CallRow, call_row, names_of
from agent.fleet.call_sums import write_sums
from agent.fleet.device_rows import DEVICE_STATEMENTS
from agent.fleet.fleet_schema import MIGRATIONS
from agent.fleet.fleet_store import REJECTS_KEPT, Retention, Row, StoreUnavailable, Written
from agent.fleet.intake import STATISTICS, Collected, Reject
from agent.fleet.json_text import as_json

_CALL_COLUMNS = ("device", "event_id", "at", "version", *(each.name for each in fields(CallRow)))
_facts = attrgetter(*(each.name for each in fields(CallRow)))
# rows that one statement removes, so that a purge never holds the database for long
_PURGED_AT_ONCE = 5000

_EVENT = (
    "INSERT INTO event (device, event_id, kind, conversation, remote_uid, at, received_at, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, event_id) DO NOTHING"
)
_CALL = (
    f"INSERT INTO call ({', '.join(_CALL_COLUMNS)}) "  # noqa: S608 - names of ours
    f"VALUES ({', '.join('?' * len(_CALL_COLUMNS))}) ON CONFLICT DO NOTHING"
)
_DETAIL = {
    "health": "INSERT INTO health (device, at, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    "statistics": "INSERT INTO statistics (device, conversation, kind, at, body) "
    "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
}
_TRIM_REJECTS = "DELETE FROM reject WHERE id <= (SELECT MAX(id) FROM reject) - ?"
_REJECT = "INSERT INTO reject (at, topic, reason, payload) VALUES (?, ?, ?, ?)"


class Database(Protocol):
    """One connection. Raises StoreUnavailable. A `read_only` one leaves the tables as they are."""

    read_only: bool

    def open(self) -> None: ...

    def close(self) -> None: ...

    def types(self) -> dict[str, str]:
        """What the schema's marks stand for."""

    def transaction(self) -> AbstractContextManager[None]: ...

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Returns the number of rows that were changed."""

    def run_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[int]:
        """The statement for each row; how many rows each changed."""

    def insert(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """The statement for all rows at once. `sql` has one row of marks after VALUES; no two rows
        may be about the same row of the table.
        """

    def insert_new(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[bool]:
        """The same, which does nothing where a row is there; whether each was new. The first two
        columns, `device` and `event_id`, name the row.
        """

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]: ...

    def keep_days(self, now: int, before: int) -> None:
        """Health and statistics by the day, where the database divides tables; days that end before
        `before` go. Milliseconds.
        """


class SqlStore:
    """See `FleetStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._opened = False
        # since the oldest were removed
        self._rejects = 0

    def open(self) -> None:
        if self._opened:
            return
        self._database.open()
        self._migrate()
        self._opened = True

    def close(self) -> None:
        self._opened = False
        self._database.close()

    def write(self, batch: Sequence[Collected | Reject]) -> Written:
        self.open()
        collected = [each for each in batch if isinstance(each, Collected)]
        rejects = [each for each in batch if isinstance(each, Reject)]
        try:
            with self._database.transaction():
                # first, as a record is counted for the version that its device says it has
                self._write_devices(collected)
                new, repeated = self._write_events(collected)
                self._write_details(collected)
                self._write_rejects(rejects)
        except CallboxError:
            # whatever state the connection is in, the next attempt begins with a new one
            self.close()
            raise
        return Written(new, repeated, len(rejects))

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self.open()
        return self._database.rows(sql, parameters)

    def forget(self, uid: str) -> int:
        self.open()
        with self._database.transaction():
            found = self._database.rows(
                "SELECT DISTINCT conversation FROM event "
                "WHERE remote_uid = ? AND conversation <> ''",
                (uid,),
            )
            conversations = [(row["conversation"],) for row in found]
            self._database.run_each("DELETE FROM statistics WHERE conversation = ?", conversations)
            # who else was rung stands in the bodies of the same conversations
            removed = sum(
                self._database.run_each("DELETE FROM event WHERE conversation = ?", conversations)
            )
            removed += self._database.run("DELETE FROM event WHERE remote_uid = ?", (uid,))
            self._database.run_each("DELETE FROM call WHERE conversation = ?", conversations)
            self._database.run("DELETE FROM call WHERE remote_uid = ?", (uid,))
        return removed

    def purge(self, now: int, retention: Retention) -> int:
        self.open()
        records, details = (
            now - round(each * 1000) for each in (retention.records, retention.details)
        )
        self._database.keep_days(now, details)
        removed = 0
        for table, column, before in (
            ("event", "at", records),
            ("call", "at", records),
            ("call_hour", "hour", records),
            ("span_hour", "hour", records),
            ("call_day", "day", records),
            ("span_day", "day", records),
            ("health", "at", details),
            ("statistics", "at", details),
        ):
            removed += self._purge(table, column, before)
        with self._database.transaction():
            removed += self._database.run(_TRIM_REJECTS, (retention.rejects,))
        return removed

    def _purge(self, table: str, column: str, before: int) -> int:
        """In steps, so that nobody waits for long."""
        removed = 0
        while True:
            further = self._database.rows(
                f"SELECT {column} AS edge FROM {table} WHERE {column} < ? "  # noqa: S608
                f"ORDER BY {column} LIMIT 1 OFFSET {_PURGED_AT_ONCE}",
                (before,),
            )
            last = further[0]["edge"] if further else before - 1
            with self._database.transaction():
                removed += self._database.run(
                    f"DELETE FROM {table} WHERE {column} <= ?",  # noqa: S608
                    (last,),
                )
            if not further:
                return removed

    def _migrate(self) -> None:
        if self._database.read_only:
            self._check_version()
            return
        with self._database.transaction():
            self._database.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER)")
            version = self._database.rows("SELECT MAX(version) AS version FROM schema_version")
            done = version[0]["version"] or 0
            for statements in islice(MIGRATIONS, done, None):
                for statement in statements:
                    self._database.run(statement.format(**self._database.types()))
                done += 1
                self._database.run("INSERT INTO schema_version (version) VALUES (?)", (done,))

    def _check_version(self) -> None:
        found = self._database.rows("SELECT MAX(version) AS version FROM schema_version")
        version = found[0]["version"] or 0
        if version != len(MIGRATIONS):
            raise StoreUnavailable(
                f"the store has version {version} of its tables, this program {len(MIGRATIONS)}: "
                f"the collector that writes it brings them up to date when it starts"
            )

    def _write_devices(self, collected: Sequence[Collected]) -> None:
        for kind, (sql, row) in DEVICE_STATEMENTS.items():
            rows = [row(each) for each in collected if each.kind == kind]
            self._database.run_each(sql, rows)
        # whoever publishes is there; one statement for each device, however much it said
        seen = {each.device: each.received_at for each in collected if not each.retained}
        self._database.insert(
            "INSERT INTO device (uid, first_seen, last_seen) VALUES (?, ?, ?) ON CONFLICT (uid) "
            "DO UPDATE SET last_seen = excluded.last_seen",
            [(uid, at, at) for uid, at in seen.items()],
        )

    def _write_events(self, collected: Sequence[Collected]) -> tuple[tuple[Collected, ...], int]:
        # twice in one batch is once
        events = {(each.device, each.event_id): each for each in collected if each.event_id}
        given = [each for each in collected if each.event_id]
        rows = list(events.values())
        news = self._database.insert_new(_EVENT, [_event_row(each) for each in rows])
        new = tuple(each for each, is_new in zip(rows, news, strict=True) if is_new)
        self._write_calls([each for each in new if each.kind == "closed"])
        return new, len(given) - len(new)

    def _write_calls(self, closed: Sequence[Collected]) -> None:
        if not closed:
            return
        versions = self._versions(sorted({each.device for each in closed}))
        rows = [(each, call_row(each.body), versions.get(each.device, "")) for each in closed]
        self._database.insert(
            _CALL,
            [
                (each.device, each.event_id, each.at, version, *map(_plain, _facts(facts)))
                for each, facts, version in rows
            ],
        )
        write_sums(
            self._database.insert, ((each.at, version, facts) for each, facts, version in rows)
        )

    def _versions(self, devices: Sequence[str]) -> dict[str, str]:
        marks = ", ".join("?" * len(devices))
        found = self._database.rows(
            f"SELECT uid, version FROM device WHERE uid IN ({marks})",  # noqa: S608 - marks alone
            devices,
        )
        return {row["uid"]: row["version"] or "" for row in found}

    def _write_details(self, collected: Sequence[Collected]) -> None:
        health = [
            (each.device, each.at, as_json(each.body))
            for each in collected
            if each.kind == "health"
        ]
        self._database.insert(_DETAIL["health"], health)
        statistics = [
            (
                each.device,
                names_of(each.body)[0],
                each.kind,
                each.at,
                as_json(each.body),
            )
            for each in collected
            if each.kind in STATISTICS
        ]
        self._database.insert(_DETAIL["statistics"], statistics)

    def _write_rejects(self, rejects: Sequence[Reject]) -> None:
        rows = [(each.received_at, each.topic, each.reason, each.payload) for each in rejects]
        self._database.insert(_REJECT, rows)
        # the hourly purge is too late for whoever sends garbage as fast as they can
        self._rejects += len(rows)
        if self._rejects >= REJECTS_KEPT:
            self._rejects = 0
            self._database.run(_TRIM_REJECTS, (REJECTS_KEPT,))


def _event_row(each: Collected) -> tuple[Any, ...]:
    conversation, remote_uid = names_of(each.body)
    return (
        each.device,
        each.event_id,
        each.kind,
        conversation,
        remote_uid,
        each.at,
        each.received_at,
        as_json(each.body),
    )


def _plain(value: Any) -> Any:
    """What both databases take: no boolean, no enumeration."""
    if isinstance(value, bool):
        return int(value)
    return value.value if isinstance(value, CallResult) else value
