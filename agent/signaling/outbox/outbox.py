"""Events that must not be lost: on the disk before they are published, off it when the broker has
acknowledged them.

`put()` returns at once. One thread writes (`writer`), one task publishes, in the order of `put()`,
at least once, and with the same eventId each time; `event_queue` has the rules. An event is handed
to the broker when it is written, so that what was published is also known after a crash. Where the
disk takes longer than `patience`, or fails, the event goes without: a disk never stops an event,
and no call. That a call has begun is written before anything is said of it (`noted()`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.background import BackgroundTask
from agent.core.call.delivery import Delivery
from agent.errors import SignalingError
from agent.signaling.broker import Broker
from agent.signaling.outbox.entry import Entry, Note
from agent.signaling.outbox.event_queue import EventQueue, Idle, Publish, ReadBack, Stalled
from agent.signaling.outbox.outbox_options import OutboxHealth, OutboxOptions
from agent.signaling.outbox.store import Store
from agent.signaling.outbox.writer import StoreThread

logger = logging.getLogger(__name__)

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
        self._queue = EventQueue(
            patience=self._options.patience, refusal_delay=self._options.refusal_delay
        )
        self._read_timer: asyncio.TimerHandle | None = None
        # something was written, or is known not to be
        self._answered = asyncio.Event()
        self._stopping = False
        self._awake = asyncio.Event()
        self._moved = asyncio.Event()
        self._task = BackgroundTask("callbox-outbox")
        self._off: Callable[[], None] | None = None

    async def __aenter__(self) -> Self:
        self._off = self._broker.on_connection(self._on_connection)
        self._disk.start()
        self._task.start(self._publish_all())
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
            await self._task.stop()
            if self._read_timer is not None:
                self._read_timer.cancel()
            if not await self._disk.stop(self._options.disk_timeout):
                logger.error("the disk does not answer; the outbox's thread is left behind")

    @property
    def health(self) -> OutboxHealth:
        return OutboxHealth(
            trouble=self._disk.trouble or (STALLED if self._queue.stalled else None),
            waiting=self._store.rows + self._queue.unwritten,
            lost=self._queue.lost + self._store.evicted,
            recovered=self._store.recovered,
            set_aside=self._store.set_aside_files,
        )

    def put(
        self, kind: str, event_id: str, topic: str, payload: bytes, *, ends: Entry | None = None
    ) -> None:
        """Have an event delivered. `ends`: the call under way whose last word it is."""
        entry = Entry(event_id, kind, topic, payload, since=asyncio.get_running_loop().time())
        change = self._queue.put(entry, ends)
        if change is not None and not self._disk.submit(change):
            entry.settled = True
        self._awake.set()

    def pass_on(self, kind: str, topic: str, payload: bytes) -> None:
        """Have an event delivered that is not kept, yet not before those of `put()` that wait to be
        written.
        """
        if not (self._broker.connected and self._queue.memory):
            self._broker.publish(topic, payload)
            return
        self._queue.pass_on(Entry(str(uuid.uuid4()), kind, topic, payload))

    def note(self, call: Entry, payload: bytes, *, durable: bool = True) -> None:
        """Keep what shall be said of a call under way if this process dies: the event `call` with
        this payload.
        """
        if not self._disk.submit(Note(call, payload, durable)):
            call.settled = True

    async def noted(self, call: Entry) -> bool:
        """Wait until what was noted of `call` outlasts this process. False where the disk fails, or
        takes too long.

        A disk that did not answer in time is not waited for again until it has.
        """
        if not self._queue.stalled:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.begin_patience):
                    while not call.settled:
                        self._answered.clear()
                        await self._answered.wait()
            if not call.settled and self._queue.disk_stalls():
                self._tell_stall()
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
                while self._broker.connected and self._queue.waiting:
                    self._moved.clear()
                    await self._moved.wait()

    # --- to the broker ----------------------------------------------------------------------------

    async def _publish_all(self) -> None:
        while True:
            self._awake.clear()
            until = self._work()
            self._moved.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._awake.wait()

    def _work(self) -> float | None:
        """Do what can be done now; the time from which on there may be more."""
        loop = asyncio.get_running_loop()
        while True:
            step = self._queue.step(loop.time(), connected=self._broker.connected)
            match step:
                case Idle(until):
                    return until
                case Publish(entry):
                    self._publish(entry)
                case ReadBack(after, limit):
                    self._read(after, limit)
                case Stalled():
                    self._tell_stall()

    def _publish(self, entry: Entry) -> None:
        try:
            future = self._broker.publish(entry.topic, entry.payload)
        except Exception as error:
            # the task's edge: what one event brings must not hold back all others
            logger.exception("an event could not be published")
            self._refused(entry, error)
        else:
            future.add_done_callback(partial(self._concluded, entry))

    def _concluded(self, entry: Entry, future: asyncio.Future[Delivery]) -> None:
        if self._stopping:
            return
        error = SignalingError("cancelled") if future.cancelled() else future.exception()
        if error is not None:
            self._refused(entry, error)
        else:
            forget = self._queue.acknowledged(entry)
            if forget is not None:
                self._disk.submit(forget)
        self._awake.set()

    def _refused(self, entry: Entry, error: BaseException) -> None:
        outcome = self._queue.refused(entry, asyncio.get_running_loop().time())
        if outcome is not None:
            logger.error("the broker does not take %s (%s): %s", entry.topic, error, outcome)

    def _on_connection(self, connected: bool) -> None:
        if connected:
            self._queue.connected()
        self._awake.set()

    # --- memory and disk --------------------------------------------------------------------------

    def _read(self, after: int, limit: int) -> None:
        loop = asyncio.get_running_loop()
        self._read_timer = loop.call_later(self._options.read_timeout, self._read_takes_long)
        self._disk.read(after, limit).add_done_callback(self._read_ended)

    def _read_takes_long(self) -> None:
        self._queue.read_late()
        self._awake.set()

    def _read_ended(self, reading: asyncio.Future[list[Entry]]) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
        if reading.cancelled() or self._stopping:
            return
        if reading.exception() is None:
            self._queue.read_back(reading.result())
        else:
            # told by the thread
            self._queue.read_failed()
            asyncio.get_running_loop().call_later(self._options.retry, self._awake.set)
        self._awake.set()

    def entries_settled(self, entries: list[Entry]) -> None:
        for forget in self._queue.settled(entries):
            self._disk.submit(forget)
        self._awake.set()

    def disk_answered(self) -> None:
        self._answered.set()
        if self._queue.disk_answers():
            logger.warning("the disk answers again")
            self._on_trouble(self._disk.trouble)

    def disk_changed(self, trouble: str | None) -> None:
        self._on_trouble(trouble)
        self._awake.set()

    def file_begun_anew(self) -> None:
        for change in self._queue.begun_anew():
            self._disk.submit(change)

    def _tell_stall(self) -> None:
        logger.error("call records cannot be kept in %s: %s", self._store.path, STALLED)
        self._on_trouble(STALLED)
