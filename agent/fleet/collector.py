"""From the broker into the store: acknowledged once it is committed, so that nothing is lost."""

from __future__ import annotations

import asyncio
import logging
import operator
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce

from agent.fleet.fleet_store import FleetStore, Retention, StoreRefused, StoreUnavailable, Written
from agent.fleet.intake import REJECT_SIZE, Collected, FleetMessage, Intake, Reject
from agent.fleet.json_text import as_json
from agent.fleet.thinning import Thinning
from agent.signaling.broker import Broker, Incoming, MessageStream, StreamBounds
from agent.signaling.protocol.json_limits import bounded

logger = logging.getLogger(__name__)

BATCH = 500
# What waits here for the store. More stays with the broker: mosquitto 2.0.11 sends far beyond the
# Receive Maximum while it is answered, so that bound alone does not hold.
BOUNDS = StreamBounds(
    messages=2000, qos_0=2000, size=16 * 1024 * 1024, unacknowledged=20_000, hold_back=True
)
# seconds
_RETRY_FIRST = 0.5
_RETRY_LONGEST = 15.0
_PURGE_INTERVAL = 3600.0


@dataclass(slots=True)
class CollectorCounts:
    """Since the start. `behind` is how long the last batch took to be committed, in seconds."""

    messages: int = 0
    events: int = 0
    repeated: int = 0
    rejected: int = 0
    batches: int = 0
    failures: int = 0
    behind: float = 0.0


async def next_batch(stream: MessageStream, limit: int = BATCH) -> list[Incoming]:
    """What waits, at most `limit`, at least one.

    While a batch is written the next one gathers by itself, so nothing is waited for: a lone
    message is committed at once, and a broker that sends twenty before it wants an answer gets it
    for twenty.
    """
    batch = [await stream.receive()]
    try:
        # ends at the first message that is not there yet
        async with asyncio.timeout(0):
            while len(batch) < limit:
                batch.append(await stream.receive())
    except TimeoutError:
        pass
    return batch


class Collector:
    """Runs until it is cancelled. `clock` gives Unix seconds."""

    def __init__(
        self,
        broker: Broker,
        intake: Intake,
        store: FleetStore,
        retention: Retention,
        *,
        share: str = "",
        thinning: Thinning | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Subscribes: what the broker has kept for this client comes with the first connection."""
        self.counts = CollectorCounts()
        # told of each batch that was committed
        self.on_written: Callable[[Sequence[Collected | Reject], Written], None] | None = None
        # why nothing can be written, while that is so
        self.trouble: str | None = None
        self._intake = intake
        self._store = store
        self._retention = retention
        self._clock = clock
        self._thinning = thinning
        group = f"$share/{share}/" if share else ""
        self._stream = broker.subscribe(
            *(group + each for each in intake.filters()),
            *intake.retained_filters(),
            qos=1,
            essential=True,
            bounds=BOUNDS,
        )

    async def run(self) -> None:
        """Collect, and remove what is too old. One thread of its own speaks to the store."""
        with ThreadPoolExecutor(1, thread_name_prefix="fleet-store") as thread:
            try:
                await self._collect(thread)
            finally:
                thread.submit(self._store.close)

    async def _collect(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        purge_at = loop.time()
        while True:
            if loop.time() >= purge_at:
                await self._persist(thread, self._purge)
                purge_at = loop.time() + _PURGE_INTERVAL
            try:
                async with asyncio.timeout_at(purge_at):
                    batch = await next_batch(self._stream)
            except TimeoutError:
                continue
            read_at = self._clock()
            read = self._read(batch)
            written = await self._persist(thread, partial(self._write, read))
            for message in batch:
                message.ack()
            self._count(len(batch), read_at, written)
            if self.on_written is not None:
                self.on_written(read, written)

    def _read(self, batch: Sequence[Incoming]) -> list[Collected | Reject]:
        now = round(self._clock() * 1000)
        read = [
            self._intake.read(FleetMessage(each.topic, each.payload, now, each.retain))
            for each in batch
        ]
        thinning = self._thinning
        return read if thinning is None else [each for each in read if thinning.keeps(each)]

    def _write(self, read: Sequence[Collected | Reject]) -> Written:
        """In the store's thread."""
        try:
            return self._store.write(read)
        except StoreRefused:
            # one of them; the rest goes in without it
            return reduce(operator.add, map(self._write_alone, read))

    def _write_alone(self, each: Collected | Reject) -> Written:
        try:
            return self._store.write([each])
        except StoreRefused as error:
            if isinstance(each, Reject):
                # the last resort: what cannot even be set aside never stops the rest
                logger.error("A message of %s is dropped: %s", each.topic, error)  # noqa: TRY400
                return Written(rejected=1)
            topic = f"{each.device}/{each.kind}"
            body = as_json(each.body).encode()[:REJECT_SIZE]
            return self._write_alone(
                Reject(topic, bounded(f"store: {error}"), body, each.received_at)
            )

    async def _persist(self, thread: ThreadPoolExecutor, work: Callable[[], Written]) -> Written:
        """Do it, however often it takes. The broker keeps what comes meanwhile."""
        loop = asyncio.get_running_loop()
        pause = _RETRY_FIRST
        while True:
            try:
                done = await loop.run_in_executor(thread, work)
            except StoreUnavailable as error:
                self.counts.failures += 1
                if str(error) != self.trouble:
                    logger.error("Nothing can be stored: %s", error)  # noqa: TRY400 - all of it
                self.trouble = str(error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _RETRY_LONGEST)
            else:
                if self.trouble is not None:
                    logger.info("Storing again")
                    self.trouble = None
                return done

    def _purge(self) -> Written:
        removed = self._store.purge(round(self._clock() * 1000), self._retention)
        if removed:
            logger.info("%d rows were older than they may be, and are removed", removed)
        return Written()

    def _count(self, received: int, read_at: float, written: Written) -> None:
        counts = self.counts
        counts.batches += 1
        counts.messages += received
        counts.events += len(written.new)
        counts.repeated += written.repeated
        counts.rejected += written.rejected
        counts.behind = max(0.0, self._clock() - read_at)
