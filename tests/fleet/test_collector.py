"""Acknowledged once it is committed: nothing is lost, and nothing is written twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.fleet.collector import Collector, next_batch
from agent.fleet.fleet_store import Retention, StoreRefused, StoreUnavailable, Written
from agent.fleet.intake import Collected, Intake, Reject
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork, Message
from tests.fleet.samples import PREFIX, closed
from tests.waiting import until

RETENTION = Retention(400 * 86_400, 14 * 86_400)
CLIENT = "collector-1"


class FailingStore(SqlStore):
    """SQLite's, which fails as often as it is told to."""

    def __init__(self, file: Path) -> None:
        super().__init__(SqliteDatabase(file))
        self.failures: list[Exception] = []
        self.refuses = ""
        self.refuses_rejects = False

    def write(self, batch: Sequence[Collected | Reject]) -> Written:
        if self.failures:
            raise self.failures.pop()
        if self.refuses and any(
            isinstance(e, Collected) and e.event_id == self.refuses for e in batch
        ):
            raise StoreRefused("a value out of range")
        if self.refuses_rejects and any(isinstance(each, Reject) for each in batch):
            raise StoreRefused("a text that cannot be kept")
        return super().write(batch)


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FailingStore:
    monkeypatch.setattr("agent.fleet.collector._RETRY_FIRST", 0.001)
    return FailingStore(tmp_path / FILE_NAME)


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork()


@asynccontextmanager
async def collecting(
    network: FakeNetwork, store: SqlStore, **options: Any
) -> AsyncIterator[Collector]:
    broker = FakeBroker(network, CLIENT)
    collector = Collector(broker, Intake([PREFIX]), store, RETENTION, **options)
    async with broker:
        await broker.wait_connected(5)
        task = asyncio.create_task(collector.run())
        try:
            yield collector
        finally:
            task.cancel()
            await asyncio.wait([task])


def publish(network: FakeNetwork, what: str, body: object, device: str = "door-1") -> None:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    network.publish(Message(f"{PREFIX}/{device}/{what}", payload))


def unacknowledged(network: FakeNetwork) -> int:
    return len(network._sessions[CLIENT].unacked)


def stored(file: SqlStore) -> list[str]:
    return [row["event_id"] for row in file.query("SELECT event_id FROM event ORDER BY event_id")]


async def test_collector_acknowledges_what_is_committed(
    network: FakeNetwork, failing: FailingStore
) -> None:
    failing.failures = [StoreUnavailable("full"), StoreUnavailable("full")]
    async with collecting(network, failing) as collector:
        publish(network, "events/closed", closed(eventId="a"))
        await until(lambda: collector.trouble == "full")
        assert unacknowledged(network) == 1
        await until(lambda: unacknowledged(network) == 0)
        assert collector.trouble is None
        assert collector.counts.failures == 2
    assert stored(failing) == ["a"]


async def test_collector_that_is_killed_before_the_commit_gets_it_again(
    network: FakeNetwork, failing: FailingStore
) -> None:
    failing.failures = [StoreUnavailable("gone")] * 1_000_000
    async with collecting(network, failing) as collector:
        publish(network, "events/closed", closed(eventId="a"))
        await until(lambda: collector.trouble is not None)
    failing.failures = []
    publish(network, "events/closed", closed(eventId="b"))
    async with collecting(network, failing) as collector:
        await until(lambda: collector.counts.events == 2)
        await until(lambda: unacknowledged(network) == 0)
    assert stored(failing) == ["a", "b"]


async def test_collector_writes_a_repeated_event_once(
    network: FakeNetwork, failing: FailingStore
) -> None:
    async with collecting(network, failing) as collector:
        for _ in range(1000):
            publish(network, "events/closed", closed(eventId="a"))
        await until(lambda: collector.counts.messages == 1000)
    assert stored(failing) == ["a"]
    assert collector.counts.repeated == 999


async def test_collector_goes_on_after_garbage(network: FakeNetwork, failing: FailingStore) -> None:
    async with collecting(network, failing) as collector:
        for number in range(50):
            publish(network, "events/closed", b"\xff" * number)
        publish(network, "events/closed", closed("door-2", eventId="b"), "door-1")
        publish(network, "events/closed", closed(eventId="a"))
        await until(lambda: collector.counts.messages == 52)
    assert stored(failing) == ["a"]
    assert collector.counts.rejected == 51


async def test_collector_sets_aside_what_the_database_does_not_take(
    network: FakeNetwork, failing: FailingStore
) -> None:
    failing.refuses = "b"
    async with collecting(network, failing) as collector:
        for event_id in "abc":
            publish(network, "events/closed", closed(eventId=event_id))
        await until(lambda: collector.counts.messages == 3)
        await until(lambda: unacknowledged(network) == 0)
    assert stored(failing) == ["a", "c"]
    (reject,) = failing.query("SELECT * FROM reject")
    assert "out of range" in reject["reason"]


async def test_collector_drops_what_cannot_even_be_set_aside(
    network: FakeNetwork, failing: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    failing.refuses_rejects = True
    async with collecting(network, failing) as collector:
        publish(network, "events/closed", b"garbage")
        publish(network, "events/closed", closed(eventId="a"))
        await until(lambda: collector.counts.messages == 2)
        await until(lambda: unacknowledged(network) == 0)
    assert stored(failing) == ["a"]
    assert sum("is dropped" in each for each in caplog.messages) == 1


async def test_collector_outlives_a_broker_that_comes_back(
    network: FakeNetwork, failing: FailingStore
) -> None:
    async with collecting(network, failing) as collector:
        publish(network, "events/closed", closed(eventId="a"))
        await until(lambda: collector.counts.events == 1)
        network.stop(forget=False)
        network.start()
        publish(network, "events/closed", closed(eventId="b"))
        await until(lambda: collector.counts.events == 2)
    assert stored(failing) == ["a", "b"]


async def test_collector_of_a_group_shares_events_and_not_what_is_retained(
    network: FakeNetwork, failing: FailingStore
) -> None:
    async with collecting(network, failing, share="g"):
        await until(lambda: bool(network.subscriptions_of(CLIENT)))
        filters = network.subscriptions_of(CLIENT)
    assert f"$share/g/{PREFIX}/+/events/closed" in filters
    assert f"{PREFIX}/+/status" in filters


async def test_next_batch_is_what_waits(network: FakeNetwork) -> None:
    broker = FakeBroker(network, CLIENT)
    stream = broker.subscribe("a/#")
    async with broker:
        await broker.wait_connected(5)
        for number in range(7):
            network.publish(Message(f"a/{number}", b""))
        await until(lambda: unacknowledged(network) == 7)
        first, second = await next_batch(stream, 5), await next_batch(stream, 5)
    assert [len(first), len(second)] == [5, 2]
    assert [each.topic[-1] for each in first + second] == list("0123456")
