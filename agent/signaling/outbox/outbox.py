"""Events that must not be lost: on the disk before they are published, off it when the broker has
acknowledged them.

`put()` returns at once. One thread writes (`storethread`), one task publishes, in the order of
`put()`, at least once, and with the same eventId each time. An event is handed to the broker when
it is written, so that what was published is also known after a crash. Where the disk takes longer
than `patience`, or fails, the event goes without: a disk never stops an event, and no call. That a
call has begun is written before anything is said of it (`noted()`).

While the broker is away the newest events stay in memory as well as on the disk, and beyond
`MEMORY` of them on the disk only. What is read back from there goes before anything newer. Where
the disk fails too, the oldest `response` in memory is dropped first, then the oldest `closed`: the
same rule as the file's.

A broker that refuses an event three times has it left out until the next connection, or nothing
else would get by.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import uuid
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.errors import SignalingError
from agent.signaling.broker import Broker
from agent.signaling.outbox.outbox_options import OutboxHealth, OutboxOptions
from agent.signaling.outbox.store import Entry, Forget, Note, Put, Store
from agent.signaling.outbox.writer import StoreThread

logger = logging.getLogger(__name__)

# events that wait for the broker's acknowledgment
WINDOW = 16
# events that wait in memory while the disk works
MEMORY = 64
# and while it does not
MEMORY_ALONE = 1000
# bytes; what is larger is not written
MAX_PAYLOAD = 64 * 1024
MAX_REFUSALS = 3
STALLED = "the disk does not answer"


class Outbox:
    """Use it as an async context inside the broker's."""

    def __init__(
        self,
        broker: Broker,
        directory: Path,
        options: OutboxOptions | None = None,
        *,
        on_trouble: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        """`on_trouble` is called with a sentence when the disk fails, with None when it works
        again.
        """
        self._broker = broker
        self._options = options or OutboxOptions()
        self._on_trouble = on_trouble
        self._store = Store(directory, self._options.limits)
        self._disk = StoreThread(self._store, self, retry=self._options.retry)
        # in order; not yet handed to the broker
        self._memory: deque[Entry] = deque()
        # read back, or refused; these go first
        self._ready: deque[Entry] = deque()
        self._inflight: dict[str, Entry] = {}
        # the disk may hold events that come before those in memory
        self._behind = True
        # likewise, and since the last look
        self._more = True
        # in the file, up to where everything was handed to the broker
        self._place = 0
        self._reading: asyncio.Future[list[Entry]] | None = None
        # acknowledged while the disk was being read
        self._gone: set[str] = set()
        self._left_out = False
        # the next look at the file is for what was left out, too
        self._from_start = False
        # the disk did not answer in time, and has not since
        self._stalled = False
        self._order = 0
        self._lost = 0
        self._not_before = 0.0
        self._stopping = False
        self._awake = asyncio.Event()
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._off: Callable[[], None] | None = None

    async def __aenter__(self) -> Self:
        self._off = self._broker.on_connection(self._on_connection)
        self._disk.start()
        self._task = asyncio.create_task(self._publish_all(), name="callbox-outbox")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.flush(self._options.close_timeout)
        finally:
            self._stopping = True
            if self._off is not None:
                self._off()
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            if not await self._disk.stop(self._options.disk_timeout):
                logger.error("the disk does not answer; the outbox's thread is left behind")

    @property
    def health(self) -> OutboxHealth:
        unwritten = sum(not entry.written for entry in (*self._memory, *self._inflight.values()))
        return OutboxHealth(
            trouble=self._disk.trouble or (STALLED if self._stalled else None),
            waiting=self._store.rows + unwritten,
            lost=self._lost + self._store.evicted,
            recovered=self._store.recovered,
            set_aside=self._store.set_aside_files,
        )

    def put(
        self, kind: str, event_id: str, topic: str, payload: bytes, *, ends: Entry | None = None
    ) -> None:
        """Have an event delivered. `ends`: the call under way whose last word it is."""
        entry = Entry(event_id, kind, topic, payload, since=asyncio.get_running_loop().time())
        self._memory.append(entry)
        if len(payload) > MAX_PAYLOAD or not self._disk.submit(Put(entry, ends)):
            entry.settled.set()
        self._bound_memory()
        self._awake.set()

    def pass_on(self, kind: str, topic: str, payload: bytes) -> None:
        """Have an event delivered that is not kept, yet not before those of `put()` that wait to be
        written.
        """
        if not (self._broker.connected and self._memory):
            self._broker.publish(topic, payload)
            return
        entry = Entry(str(uuid.uuid4()), kind, topic, payload)
        entry.settled.set()
        self._memory.append(entry)
        self._bound_memory()

    def note(self, call: Entry, payload: bytes, *, durable: bool = True) -> None:
        """Keep what shall be said of a call under way if this process dies: the event `call` with
        this payload.
        """
        if not self._disk.submit(Note(call, payload, durable)):
            call.settled.set()

    async def noted(self, call: Entry) -> bool:
        """Wait until what was noted of `call` outlasts this process. False where the disk fails, or
        takes too long.

        A disk that did not answer in time is not waited for again until it has.
        """
        if not self._stalled:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.begin_patience):
                    await call.settled.wait()
            if not call.settled.is_set():
                self._disk_stalls()
        return call.written

    async def left_over(self) -> tuple[Entry, ...]:
        """What an earlier process has left, the newest of it; nothing where the disk does not say
        so in time.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.open_timeout):
                await self._disk.opened.wait()
        return self._store.left_over

    async def flush(self, timeout: float) -> None:
        """Wait until the broker has acknowledged everything, as long as it is connected; `timeout`
        in seconds.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._broker.connected and (
                    self._memory or self._ready or self._inflight or self._behind
                ):
                    self._moved.clear()
                    await self._moved.wait()

    # --- to the broker ----------------------------------------------------------------------------

    async def _publish_all(self) -> None:
        loop = asyncio.get_running_loop()
        # once it is known that nothing waits there, what is new is kept in memory as well
        await self._read()
        while True:
            self._awake.clear()
            try:
                await self._publish_some()
            except Exception:
                # the task's edge: what one event brings must not hold back all others
                logger.exception("an event could not be published")
                self._not_before = loop.time() + self._options.refusal_delay
            self._moved.set()
            delay = self._not_before - loop.time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay if delay > 0 else None):
                    await self._awake.wait()

    async def _publish_some(self) -> None:
        loop = asyncio.get_running_loop()
        while (
            self._broker.connected
            and len(self._inflight) < WINDOW
            and loop.time() >= self._not_before
        ):
            entry = await self._next()
            if entry is None:
                return
            self._publish(entry)

    async def _next(self) -> Entry | None:
        """The event whose turn it is; it is in no queue any more."""
        while True:
            while self._behind and not self._ready and await self._read():
                pass
            if self._ready:
                return self._ready.popleft()
            if not self._memory:
                return None
            head = self._memory[0]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(head.since + self._options.patience):
                    await head.settled.wait()
            if not head.settled.is_set():
                self._disk_stalls()
            if self._memory and self._memory[0] is head and not self._ready:
                self._memory.popleft()
                if not self._behind:
                    self._place = max(self._place, head.seq or 0)
                return head

    async def _read(self) -> bool:
        """Take the next events off the disk. False where it does not answer: what is in memory goes
        on without.
        """
        if self._reading is None:
            # only now: one that was under way would have moved the place on again
            if self._from_start:
                self._place, self._from_start = 0, False
            self._more = False
            self._gone.clear()
            self._reading = self._disk.read(self._place, WINDOW)
            await asyncio.wait([self._reading], timeout=self._options.read_timeout)
        if not self._reading.done():
            self._reading.add_done_callback(lambda _: self._awake.set())
            return False
        reading, self._reading = self._reading, None
        try:
            self._take(reading.result())
        except (OSError, sqlite3.Error):
            # told by the thread
            asyncio.get_running_loop().call_later(self._options.retry, self._awake.set)
            return False
        return True

    def _take(self, entries: list[Entry]) -> None:
        """Line up what was read, but for what is on its way, or has been acknowledged in the
        meantime.
        """
        known = {*self._inflight, *self._gone, *(entry.event_id for entry in self._ready)}
        unwritten = {entry.event_id: entry for entry in self._memory}
        for entry in entries:
            if entry.event_id in unwritten:  # written after all
                self._memory.remove(unwritten[entry.event_id])
                self._ready.append(unwritten[entry.event_id])
            elif entry.event_id not in known:
                self._ready.append(entry)
        if entries:
            self._place = entries[-1].seq or 0
        self._behind = self._more or len(entries) == WINDOW

    def _publish(self, entry: Entry) -> None:
        self._order += 1
        entry.order = self._order
        self._inflight[entry.event_id] = entry
        future = self._broker.publish(entry.topic, entry.payload)
        future.add_done_callback(partial(self._concluded, entry))

    def _concluded(self, entry: Entry, future: asyncio.Future[None]) -> None:
        self._inflight.pop(entry.event_id, None)
        if self._stopping:
            return
        error = SignalingError("cancelled") if future.cancelled() else future.exception()
        if error is None:
            entry.acknowledged = True
            if self._reading is not None:
                self._gone.add(entry.event_id)
            if entry.written:
                self._disk.submit(Forget(entry))
        else:
            self._refused(entry, error)
        self._awake.set()

    def _refused(self, entry: Entry, error: BaseException) -> None:
        entry.refusals += 1
        if entry.refusals < MAX_REFUSALS:
            again = sorted(
                (entry, *(each for each in self._ready if each.order)), key=lambda each: each.order
            )
            self._ready = deque((*again, *(each for each in self._ready if not each.order)))
            self._not_before = asyncio.get_running_loop().time() + self._options.refusal_delay
        elif entry.written:
            logger.error(
                "the broker does not take %s (%s): left until the next connection",
                entry.topic,
                error,
            )
            self._left_out = True
        else:
            logger.error("the broker does not take %s (%s): lost", entry.topic, error)
            self._lost += 1

    def _on_connection(self, connected: bool) -> None:
        if connected:
            self._not_before = 0.0
            if self._left_out:
                self._left_out, self._from_start = False, True
                self._fall_behind()
        self._awake.set()

    # --- memory and disk --------------------------------------------------------------------------

    def _fall_behind(self) -> None:
        """What is on the disk comes from there from now on."""
        self._memory = deque(entry for entry in self._memory if not entry.written)
        self._behind = self._more = True

    def _bound_memory(self) -> None:
        if len(self._memory) > MEMORY:
            self._fall_behind()
        while len(self._memory) > MEMORY_ALONE:
            victim = next(
                (entry for entry in self._memory if entry.kind != "closed"), self._memory[0]
            )
            self._memory.remove(victim)
            # not to be written either
            victim.acknowledged = True
            self._lost += 1

    def entries_settled(self, entries: list[Entry]) -> None:
        for entry in entries:
            if not entry.written:
                continue
            # while it was being written
            if entry.acknowledged:
                self._disk.submit(Forget(entry))
            if self._behind:
                self._more = True
                with contextlib.suppress(ValueError):
                    self._memory.remove(entry)
            elif entry.event_id in self._inflight or entry.acknowledged:
                self._place = max(self._place, entry.seq or 0)
        self._awake.set()

    def disk_answered(self) -> None:
        if self._stalled:
            self._stalled = False
            logger.warning("the disk answers again")
            self._on_trouble(self._disk.trouble)

    def disk_changed(self, trouble: str | None) -> None:
        self._on_trouble(trouble)
        self._awake.set()

    def file_begun_anew(self) -> None:
        """What was in the old file, and waits here as well, goes into the new one."""
        for entry in (*self._inflight.values(), *self._ready, *self._memory):
            if entry.written:
                self._disk.submit(Put(entry))

    def _disk_stalls(self) -> None:
        if not self._stalled:
            self._stalled = True
            logger.error("call records cannot be kept in %s: %s", self._store.path, STALLED)
            self._on_trouble(STALLED)
