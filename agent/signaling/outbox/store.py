"""The file behind the outbox: SQLite, used by one thread, written by whole transactions.

Write-ahead log, so that a change is one sequential write, kind to an SD card; nothing is written
while nothing happens. What is committed outlasts this process, however it ends. To outlast a power
cut it must be synced as well, a step of its own (`sync()`) that takes a card a hundred times as
long. A removal after the broker's acknowledgment or a sign of life does without, for its loss costs
no more than a delivery that is repeated. The log goes into the file every `_CHECKPOINT_PAGES`, and
is then written over from its start, not cut.

Exclusive locking keeps a second process out, and needs no shared memory file.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.signaling.outbox.entry import Change, Entry, Forget, Note, Put

logger = logging.getLogger(__name__)

FILE_NAME = "outbox.db"
KEPT_CORRUPT_FILES = 3
# calls of an earlier process that are known by name
LEFT_OVER = 64
_VERSION = 1
_CHECKPOINT_PAGES = 256  # of 4096 bytes
# of the limits: not one by one
_ROOM_AFTER_EVICTION = 0.95
_UNUSABLE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_STILL_READABLE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)
_SCHEMA = """
CREATE TABLE events (seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, kind TEXT NOT NULL,
                     topic TEXT NOT NULL, payload BLOB NOT NULL);
CREATE TABLE calls (seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL, kind TEXT NOT NULL,
                    topic TEXT NOT NULL, payload BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may wait on the disk. Beyond it the oldest `response` goes first, for its `closed` says
    the same; then the oldest `closed`.
    """

    rows: int = 10_000
    size: int = 8 * 1024 * 1024  # bytes


class Store:
    """`open()` before anything else; it does nothing where the file is open. Raises sqlite3.Error
    and OSError.
    """

    def __init__(
        self,
        directory: Path,
        limits: Limits,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = directory / FILE_NAME
        self.rows = 0
        self.size = 0
        self.evicted = 0
        self.recovered = 0
        self.set_aside_files = 0  # by this process
        # the last `closed` events that an earlier process left here
        self.left_over: tuple[Entry, ...] = ()
        self._limits = limits
        self._now = now
        self._database: sqlite3.Connection | None = None
        self._last_seq = 0
        self._take_over = True
        self._overflowing = False

    def open(self) -> None:
        """At the first time, what an earlier process left of its calls becomes their `closed`."""
        if self._database is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connect()
            except sqlite3.DatabaseError as error:
                if not is_corrupt(error):
                    raise
                self.set_aside(str(error))
                self._connect()
        if self._take_over:
            self._recover_calls()
            self.left_over = self._last_closed()
            self._take_over = False

    def close(self) -> None:
        """Idempotent. SQLite moves the log into the file."""
        if self._database is not None:
            # a broken disk: nothing is left to be done
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None

    def _connect(self) -> None:
        database = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        try:
            for pragma in (
                "locking_mode=EXCLUSIVE",
                "journal_mode=WAL",
                "synchronous=NORMAL",
                f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
                "cache_size=-256",
                "temp_store=MEMORY",
            ):
                database.execute(f"PRAGMA {pragma}")
            self._check(database)
        except BaseException:
            database.close()
            raise
        self._database = database

    def _check(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            database.executescript(
                f"BEGIN EXCLUSIVE; {_SCHEMA} PRAGMA user_version={_VERSION}; COMMIT;"
            )
        elif version != _VERSION:
            raise _unusable(f"written by another version ({version})")
        verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise _unusable(verdict)
        size = "sum(length(payload) + length(topic) + length(event_id))"
        count = f"SELECT count(*), coalesce({size}, 0), coalesce(max(seq), 0) FROM events"  # noqa: S608
        self.rows, self.size, last = database.execute(count).fetchone()
        last_call = database.execute("SELECT coalesce(max(seq), 0) FROM calls").fetchone()[0]
        self._last_seq = max(self._last_seq, last, last_call)

    def _recover_calls(self) -> None:
        """In one transaction: whatever happens, each call has one last word, with one eventId."""
        database = self._open_database()
        calls = [_entry(row) for row in database.execute("SELECT * FROM calls ORDER BY seq")]
        if calls:
            for call in calls:
                call.seq = None
            self.apply([Put(call) for call in calls], end_all_calls=True)
            self.sync()
            self.recovered = len(calls)
            logger.warning(
                "%d calls were under way when the process ended; they are closed now", len(calls)
            )

    def _last_closed(self) -> tuple[Entry, ...]:
        query = "SELECT * FROM events WHERE kind = 'closed' ORDER BY seq DESC LIMIT ?"
        return tuple(_entry(row) for row in self._open_database().execute(query, (LEFT_OVER,)))

    def set_aside(self, why: str) -> None:
        """Rename the file, for whoever wants to look into it, and begin a new one at the next
        `open()`.
        """
        self.close()
        stamp = f"{self._now():%Y%m%dT%H%M%S.%fZ}"
        aside = self.path.with_name(f"{FILE_NAME}.corrupt-{stamp}")
        logger.error(
            "%s cannot be used (%s): it is set aside as %s, and a new one begun",
            self.path,
            why,
            aside.name,
        )
        self.path.rename(aside)
        self.set_aside_files += 1
        log = self.path.with_name(f"{FILE_NAME}-wal")
        if log.exists():
            log.rename(aside.with_name(f"{aside.name}-wal"))
        kept = [
            path
            for path in self.path.parent.glob(f"{FILE_NAME}.corrupt-*")
            if not path.name.endswith("-wal")
        ]
        kept.sort(key=lambda path: path.stat().st_mtime_ns)
        for old in kept[:-KEPT_CORRUPT_FILES]:
            old.unlink()
            old.with_name(f"{old.name}-wal").unlink(missing_ok=True)

    def apply(self, changes: Sequence[Change], *, end_all_calls: bool = False) -> None:
        """All of them or none, in one transaction. It outlasts this process; for a power cut see
        `sync`.
        """
        database = self._open_database()
        work = _Transaction(database, self._limits, self.rows, self.size)
        try:
            database.execute("BEGIN IMMEDIATE")
            for change in changes:
                self._apply(work, change)
            if end_all_calls:
                database.execute("DELETE FROM calls")
            database.execute("COMMIT")
        except BaseException:
            # the first error is the one that tells
            with contextlib.suppress(sqlite3.Error):
                database.rollback()
            raise
        self.rows, self.size = work.rows, work.size
        self._count_evicted(work.evicted)

    def sync(self) -> None:
        """Have the disk keep all that was committed, come what may: one fdatasync."""
        self._open_database()
        # SQLite holds no lock on this one
        descriptor = os.open(self.path.with_name(f"{FILE_NAME}-wal"), os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def _apply(self, work: _Transaction, change: Change) -> None:
        match change:
            case Put(entry, ends):
                if not entry.acknowledged:
                    work.insert(self._place(entry))
                elif entry.seq is not None:
                    # an attempt that was reported as failed may have reached the disk
                    work.remove(entry)
                if ends is not None and ends.seq is not None:
                    work.database.execute("DELETE FROM calls WHERE seq = ?", (ends.seq,))
            case Note(call, payload):
                row = (self._place(call).seq, call.event_id, call.kind, call.topic, payload)
                work.database.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?)", row)
            case Forget(entry):
                work.remove(entry)

    def _place(self, entry: Entry) -> Entry:
        """Once and for all, so that what is written again after a failure keeps its place."""
        if entry.seq is None:
            self._last_seq += 1
            entry.seq = self._last_seq
        return entry

    def _count_evicted(self, number: int) -> None:
        self.evicted += number
        if number and not self._overflowing:
            self._overflowing = True
            logger.error(
                "the outbox is full (%d events): the oldest are dropped, `response` first",
                self.rows,
            )
        elif (
            self._overflowing
            and self.rows < 0.9 * self._limits.rows
            and self.size < 0.9 * self._limits.size
        ):
            self._overflowing = False

    def read(self, after: int, limit: int) -> list[Entry]:
        """The oldest events with a `seq` above `after`."""
        rows = self._open_database().execute(
            "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
        )
        return [_entry(row) for row in rows]

    def probe(self) -> None:
        """Find out whether the disk takes anything again."""
        self._open_database().execute(f"PRAGMA user_version={_VERSION}")

    def failed(self, error: Exception) -> bool:
        """After an error: a file that cannot be read is closed, to be opened again; a corrupt one
        set aside (True).
        """
        if is_corrupt(error):
            self.set_aside(str(error))
            return True
        if _code(error) not in _STILL_READABLE:
            self.close()
        return False

    def _open_database(self) -> sqlite3.Connection:
        if self._database is None:
            raise sqlite3.OperationalError("the file is not open")
        return self._database


class _Transaction:
    """What changes of the events' number and size, to be taken over at the commit."""

    def __init__(self, database: sqlite3.Connection, limits: Limits, rows: int, size: int) -> None:
        self.database = database
        self.rows = rows
        self.size = size
        self.evicted = 0
        self._limits = limits

    def insert(self, entry: Entry) -> None:
        if self.rows + 1 > self._limits.rows or self.size + entry.size > self._limits.size:
            self._make_room(entry.size)
        row = (entry.seq, entry.event_id, entry.kind, entry.topic, entry.payload)
        # It is there already where a commit was reported as failed, and yet had reached the disk.
        inserted = self.database.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", row
        ).rowcount
        self.rows += inserted
        self.size += inserted * entry.size

    def remove(self, entry: Entry) -> None:
        removed = self.database.execute("DELETE FROM events WHERE seq = ?", (entry.seq,)).rowcount
        self.rows -= removed
        self.size -= removed * entry.size

    def _make_room(self, size: int) -> None:
        rows_left = int(_ROOM_AFTER_EVICTION * self._limits.rows)
        size_left = int(_ROOM_AFTER_EVICTION * self._limits.size) - size
        columns = "SELECT seq, length(payload) + length(topic) + length(event_id) FROM events"
        for which in ("WHERE kind = 'response'", ""):
            oldest = self.database.execute(f"{columns} {which} ORDER BY seq").fetchall()
            for seq, length in oldest:
                if self.rows <= rows_left and self.size <= size_left:
                    return
                self.database.execute("DELETE FROM events WHERE seq = ?", (seq,))
                self.rows -= 1
                self.size -= length
                self.evicted += 1


def is_corrupt(error: Exception) -> bool:
    """Whether it is the file's content that cannot be used."""
    return isinstance(error, _UnusableFile) or _code(error) in _UNUSABLE


class _UnusableFile(sqlite3.DatabaseError):
    pass


def _unusable(why: str) -> _UnusableFile:
    return _UnusableFile(why)


def _code(error: Exception) -> int:
    """SQLite's primary result code; 0 for an error that has none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _entry(row: tuple[int, str, str, str, bytes]) -> Entry:
    seq, event_id, kind, topic, payload = row
    return Entry(event_id, kind, topic, payload, seq=seq, written=True)
