"""What the outbox's tests share: a broker whose acknowledgments are given by hand, and an outbox
that can crash.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.core.call.delivery import Delivery
from agent.errors import NotConnected, SignalingError
from agent.signaling.broker import Incoming
from agent.signaling.outbox.entry import Entry
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.outbox.outbox_options import OutboxOptions
from tests.waiting import PATIENCE


@dataclass
class HandBroker:
    """Takes what is published, and acknowledges the oldest when it is told to. What it takes
    outlasts a disconnect.
    """

    connected: bool = False
    taken: list[tuple[bytes, asyncio.Future[Delivery]]] = field(default_factory=list)
    published: list[bytes] = field(default_factory=list)
    # acknowledged, or arrived with the acknowledgment lost
    delivered: list[bytes] = field(default_factory=list)
    _callbacks: list[Callable[[bool], None]] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connected = False

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry: int | None = None,
        response_topic: str | None = None,
        correlation_data: bytes | None = None,
    ) -> asyncio.Future[Delivery]:
        future: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        self.published.append(payload)
        self.taken.append((payload, future))
        self._arrived.set()
        return future

    async def incoming(self) -> Incoming:
        raise SignalingError("nothing comes in")

    def on_connection(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    async def wait_connected(self, timeout: float) -> None:
        if not self.connected:
            raise NotConnected("connect() is for the test to call")

    def connect(self, connected: bool = True) -> None:
        self.connected = connected
        for callback in tuple(self._callbacks):
            callback(connected)

    def ack(self, number: int = 1) -> None:
        """The oldest `number` of what was taken have arrived."""
        for payload, future in self.taken[:number]:
            self.delivered.append(payload)
            future.set_result(Delivery.TAKEN)
        del self.taken[:number]

    def refuse(self) -> None:
        _, future = self.taken.pop(0)
        future.set_exception(SignalingError("refused"))

    async def wait_taken(self, number: int) -> list[bytes]:
        """The payloads of what waits for an acknowledgment, once there are `number` of them."""
        async with asyncio.timeout(PATIENCE):
            while len(self.taken) < number:
                self._arrived.clear()
                await self._arrived.wait()
        return [payload for payload, _ in self.taken]


def begun(event_id: str, topic: str = "events/closed") -> Entry:
    """A call under way, for `note`."""
    return Entry(event_id, "closed", topic, b"")


async def written(outbox: Outbox) -> None:
    """Wait until the disk has everything that was handed to it so far, or has failed to take it."""
    # what the broker has just answered is handed to the disk within a few turns of the loop
    for _ in range(5):
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([outbox._disk.read(1 << 60, 1)])
    await asyncio.sleep(0)


async def caught_up(outbox: Outbox) -> None:
    """Wait until it has seen that nothing older waits on the disk."""
    async with asyncio.timeout(PATIENCE):
        while outbox._queue.behind:
            await written(outbox)


async def crash(outbox: Outbox) -> None:
    """End it as SIGKILL would: what the disk has not got by now is gone."""

    def dead(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("crashed")

    outbox._store.apply = dead  # type: ignore[method-assign]
    outbox._stopping = True
    assert outbox._off is not None
    outbox._off()
    await outbox._task.stop()
    assert await outbox._disk.stop(PATIENCE)


def quick(directory: Path, broker: HandBroker, **options: object) -> Outbox:
    chosen = {
        "refusal_delay": 0.0,
        "retry": 0.05,
        "close_timeout": 0.2,
        "disk_timeout": PATIENCE,
        **options,
    }
    return Outbox(broker, directory, OutboxOptions(**chosen))  # type: ignore[arg-type]


async def deliver_all(broker: HandBroker, outbox: Outbox) -> None:
    """Acknowledge until nothing is left."""
    broker.connect()
    flushing = asyncio.create_task(outbox.flush(PATIENCE))
    while not flushing.done():
        broker.ack(len(broker.taken))
        arrival = asyncio.create_task(broker._arrived.wait())
        await asyncio.wait([flushing, arrival], return_when=asyncio.FIRST_COMPLETED)
        broker._arrived.clear()
        arrival.cancel()
    left = [*outbox._queue.memory, *outbox._queue.ready, *outbox._queue.inflight]
    assert not left
    assert not outbox._queue.behind


def put(outbox: Outbox, *numbers: int, kind: str = "closed") -> None:
    for number in numbers:
        outbox.put(kind, f"id-{number}", f"events/{kind}", b"%d" % number)


def payloads(*numbers: int) -> list[bytes]:
    return [b"%d" % number for number in numbers]


async def served(directory: Path, *numbers: int) -> list[bytes]:
    """Put `numbers` into an outbox on `directory`, and return all that it delivers."""
    broker = HandBroker(connected=True)
    async with quick(directory, broker) as outbox:
        put(outbox, *numbers)
        await deliver_all(broker, outbox)
    return broker.delivered
