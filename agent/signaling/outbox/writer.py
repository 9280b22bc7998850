"""The one thread that touches the disk: a card that stalls for seconds stalls nobody else.

Changes wait in a bounded queue and are written in order, all that wait in one transaction. What
could not be written stays at the head of the queue and is tried again with the next change, and
every `RETRY` seconds. While nothing waits the thread sleeps.

What is known of the calls under way stays in memory as well. Where the file turns out to be
corrupt, it is the first that its successor gets: who rings has nothing new to note until the
answer, and who talks not for a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from agent.signaling.outbox.entry import Change, Entry, Forget, Note, Put
from agent.signaling.outbox.store import Store

logger = logging.getLogger(__name__)

# that wait, more than the outbox keeps in memory; the newest is refused
MAX_CHANGES = 2000
# changes in a transaction
MAX_BATCH = 128
RETRY = 15.0  # seconds


class WriterListener(Protocol):
    """Who hears on the event loop what became of the changes."""

    def entries_settled(self, entries: list[Entry]) -> None:
        """They were written, or are known not to be for now (see `Entry.written`)."""

    def disk_answered(self) -> None:
        """A change was written, or refused."""

    def disk_changed(self, trouble: str | None) -> None:
        """The disk fails with `trouble`; or works (again)."""

    def file_begun_anew(self) -> None:
        """The events of a corrupt file are not in the one that took its place; the calls under way
        are.
        """


class StoreThread:
    """`start()` on the event loop; everything but `_run` and what it calls belongs to that loop."""

    def __init__(self, store: Store, listener: WriterListener, *, retry: float = RETRY) -> None:
        self.trouble: str | None = None
        # or the first attempt has failed
        self.opened = asyncio.Event()
        self._store = store
        self._listener = listener
        self._retry = retry
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changes: deque[Change] = deque()
        # not refused: only of what is on the disk, so never more than that
        self._forget: deque[Forget] = deque()
        self._reads: list[tuple[int, int, asyncio.Future[list[Entry]]]] = []
        self._condition = threading.Condition()
        # open the file at once
        self._awake = True
        self._stopping = False
        self._stopped = asyncio.Event()
        self._told: str | None = None
        # of each call under way the latest that was written, by eventId
        self._noted: dict[str, Note] = {}
        # files; so many successors have what is noted
        self._set_aside = 0
        self._thread = threading.Thread(target=self._run, name="callbox-outbox", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self, timeout: float) -> bool:
        """Write what waits, close the file and end. False where that takes more than `timeout`
        seconds.
        """
        with self._condition:
            self._stopping = self._awake = True
            self._condition.notify()
        try:
            async with asyncio.timeout(timeout):
                await self._stopped.wait()
        except TimeoutError:
            return False
        self._thread.join(timeout)
        return True

    def submit(self, change: Change) -> bool:
        """Have it written. False where too many wait; what is on the disk and to be forgotten
        always has room.
        """
        with self._condition:
            if isinstance(change, Forget):
                self._forget.append(change)
            elif len(self._changes) >= MAX_CHANGES:
                return False
            else:
                self._changes.append(change)
            self._awake = True
            self._condition.notify()
        return True

    def read(self, after: int, limit: int) -> asyncio.Future[list[Entry]]:
        """The oldest events above the place `after`, with every change before this call written, if
        it can be.

        Holds an OSError or sqlite3.Error where the file cannot be read. It may be left alone.
        """
        future: asyncio.Future[list[Entry]] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_consume)
        with self._condition:
            self._reads.append((after, limit, future))
            self._awake = True
            self._condition.notify()
        return future

    # --- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            going_on = self._turn()
            self._post(self.opened.set)
            while going_on:
                going_on = self._turn()
        finally:
            self._store.close()
            self._post(self._stopped.set)

    def _turn(self) -> bool:
        """Wait for work, and do what there is. False after the last."""
        with self._condition:
            while not self._awake:
                if not self._condition.wait(
                    self._retry if self._told or self._changes or self._forget else None
                ):
                    break
            self._awake = False
            stopping = self._stopping
            reads, self._reads = self._reads, []
        while self._write():
            pass
        for read in reads:
            self._read(*read)
        if self._store.set_aside_files != self._set_aside:
            self._write()
        return not stopping

    def _write(self) -> bool:
        """One transaction with all that waits, up to a limit. True where it was written and more
        waits.
        """
        with self._condition:
            changes = list(itertools.islice(self._changes, MAX_BATCH))
            forget = list(self._forget)
        try:
            written = self._apply([*changes, *forget])
            dropped = written
        except Exception:
            # the thread's edge: a fault of ours costs these changes their place on the disk, no
            # more
            logger.exception("events could not be written")
            written, dropped = False, True
        with self._condition:
            waiting = list(self._changes)
            if dropped:
                for _ in changes:
                    self._changes.popleft()
                for _ in forget:
                    self._forget.popleft()
            more = dropped and bool(self._changes)
        self._settle(changes if written else waiting, written)
        return more

    def _apply(self, changes: list[Change], *, again: bool = True) -> bool:
        try:
            self._store.open()
            set_aside = self._store.set_aside_files
            begun_anew = set_aside != self._set_aside
            if begun_anew:
                changes = [*self._noted.values(), *changes]
            if changes:
                self._store.apply(changes)
                self._keep_in_mind(changes)
                # before the disk is synced: it outlasts this process
                self._settle_calls(changes, written=True)
                if begun_anew or any(change.durable for change in changes):
                    self._store.sync()
            elif self._told is not None:
                self._store.probe()
        except (sqlite3.Error, OSError) as error:
            return self._failed(error) and again and self._apply(changes, again=False)
        if begun_anew:
            self._set_aside = set_aside
            self._post(self._listener.file_begun_anew)
        self._tell(None)
        return True

    def _keep_in_mind(self, changes: list[Change]) -> None:
        for change in changes:
            match change:
                case Note(call):
                    self._noted[call.event_id] = change
                case Put(_, ends) if ends is not None:
                    self._noted.pop(ends.event_id, None)

    def _failed(self, error: sqlite3.Error | OSError) -> bool:
        """True where a new file can be begun."""
        try:
            begun_anew = self._store.failed(error)
        except OSError as worse:
            self._tell(f"{_reason(error)}, and the file cannot be set aside: {_reason(worse)}")
            return False
        if not begun_anew:
            self._tell(_reason(error))
        return begun_anew

    def _read(self, after: int, limit: int, future: asyncio.Future[list[Entry]]) -> None:
        try:
            self._store.open()
            entries = self._store.read(after, limit)
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            self._post(_fail, future, error)
        else:
            self._post(_resolve, future, entries)

    def _settle_calls(self, changes: list[Change], *, written: bool) -> None:
        calls = [change.call for change in changes if isinstance(change, Note)]
        if calls:
            self._post(self._mark, calls, written)

    def _settle(self, changes: list[Change], written: bool) -> None:
        if not written:
            self._settle_calls(changes, written=False)
        entries = [change.entry for change in changes if isinstance(change, Put)]
        if entries:
            self._post(self._settled, entries, written)

    def _tell(self, trouble: str | None) -> None:
        """The log says it once, whatever the event loop makes of it."""
        if trouble is not None and self._told is None:
            logger.error(
                "call records cannot be kept in %s (%s): only in memory", self._store.path, trouble
            )
        elif trouble is None and self._told is not None:
            logger.warning("call records are kept in %s again", self._store.path)
        if trouble != self._told:
            self._told = trouble
            self._post(self._changed, trouble)

    def _post(self, function: Callable[..., None], *arguments: Any) -> None:
        if self._loop is not None:
            # the loop is closed: nobody is left to hear it
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, *arguments)

    # --- on the loop ------------------------------------------------------------------------------

    def _mark(self, entries: list[Entry], written: bool) -> None:
        for entry in entries:
            entry.written = written
            entry.settled = True
        self._listener.disk_answered()

    def _settled(self, entries: list[Entry], written: bool) -> None:
        self._mark(entries, written)
        self._listener.entries_settled(entries)

    def _changed(self, trouble: str | None) -> None:
        self.trouble = trouble
        self._listener.disk_changed(trouble)


def _reason(error: Exception) -> str:
    """Without the path, which is said beside it."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _resolve(future: asyncio.Future[list[Entry]], entries: list[Entry]) -> None:
    if not future.done():
        future.set_result(entries)


def _fail(future: asyncio.Future[list[Entry]], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _consume(future: asyncio.Future[list[Entry]]) -> None:
    """Mark an error as seen: whoever reads may have gone by now."""
    if not future.cancelled():
        future.exception()
