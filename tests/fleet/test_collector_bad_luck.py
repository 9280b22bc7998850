"""What a broker, a second collector and a full disk do to a real collector."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.fleet.collector import Collector
from agent.fleet.fleet_store import Retention, StoreUnavailable
from agent.fleet.intake import Intake
from agent.fleet.postgresql_database import PostgresqlDatabase
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from agent.signaling.broker import StreamBounds
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from tests.conftest import Mosquitto
from tests.fleet.postgresql import PostgreSql
from tests.fleet.samples import PREFIX, closed, collected
from tests.waiting import START_TIMEOUT, until

pytestmark = [pytest.mark.broker]
RETENTION = Retention(400 * 86_400, 14 * 86_400)
RECORDS = 60


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, lines=("max_queued_messages 0",))
    broker.start()
    yield broker
    broker.stop()


def connection(broker: Mosquitto, client_id: str) -> MqttBroker:
    return MqttBroker(MqttOptions(port=broker.port, client_id=client_id))


@asynccontextmanager
async def collecting(link: MqttBroker, file: Path, share: str = "") -> AsyncIterator[Collector]:
    store = SqlStore(SqliteDatabase(file))
    collector = Collector(link, Intake([PREFIX]), store, RETENTION, share=share)
    async with link:
        await link.wait_connected(START_TIMEOUT)
        task = asyncio.create_task(collector.run())
        try:
            yield collector
        finally:
            task.cancel()
            await asyncio.wait([task])


async def publish(broker: Mosquitto, ids: range) -> None:
    """Return once the broker has acknowledged them all."""
    async with connection(broker, "door-1") as device:
        await device.wait_connected(START_TIMEOUT)
        said = [json.dumps(closed(eventId=str(each))).encode() for each in ids]
        async with asyncio.timeout(START_TIMEOUT):
            await asyncio.gather(
                *(device.publish(f"{PREFIX}/door-1/events/closed", each) for each in said)
            )


async def test_member_of_a_group_that_died_gets_its_share_when_it_is_back(
    broker: Mosquitto, tmp_path: Path
) -> None:
    # mosquitto 2.0.11 gives it to no other: what waits for a session that ends is dropped
    dead = connection(broker, "collector-2")
    stream = dead.subscribe(
        f"$share/fleet/{PREFIX}/+/events/closed",
        qos=1,
        essential=True,
        bounds=StreamBounds(unacknowledged=RECORDS),
    )
    async with collecting(connection(broker, "collector-1"), tmp_path / "1.db", "fleet") as one:
        async with dead:
            await stream.wait_granted(START_TIMEOUT)
            await publish(broker, range(RECORDS))
            # they have come, and it dies without an answer
            await stream.receive()
        again = connection(broker, "collector-2")
        async with collecting(again, tmp_path / "2.db", "fleet") as two:
            await until(lambda: one.counts.events + two.counts.events == RECORDS)
            assert two.counts.events > 0


def test_sqlite_whose_disk_is_full_is_unavailable_and_goes_on(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / FILE_NAME)
    store = SqlStore(database)
    store.open()
    pages = database.rows("PRAGMA page_count")[0]["page_count"]
    database.run(f"PRAGMA max_page_count = {pages + 2}")
    batch = [collected("door-1", "events/closed", closed(eventId=str(n))) for n in range(100)]
    with pytest.raises(StoreUnavailable, match="full"):
        store.write(batch)
    # the connection begins anew, without the bound
    assert len(store.write(batch).new) == 100
    store.close()


def test_postgresql_whose_disk_is_full_is_unavailable_and_goes_on(postgresql: PostgreSql) -> None:
    database = PostgresqlDatabase(postgresql.url)
    store = SqlStore(database)
    store.open()
    database.run(
        "CREATE FUNCTION full_disk() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
    )
    database.run("CREATE TRIGGER full_disk BEFORE INSERT ON event EXECUTE FUNCTION full_disk()")
    batch = [collected("door-1", "events/closed", closed())]
    with pytest.raises(StoreUnavailable, match="could not extend file"):
        store.write(batch)
    store.open()
    database.run("DROP FUNCTION full_disk CASCADE")
    assert len(store.write(batch).new) == 1
    store.close()
