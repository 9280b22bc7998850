"""Real brokers that are killed, stopped and frozen under a call."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.device.status_publisher import offline
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol.topics import Topics
from tests.conftest import Mosquitto
from tests.e2e.device import PREFIX, UID, Watcher, call, device, watching
from tests.faults.brokers import Iotcore
from tests.signaling.mqtt.harness import connected, until

BROKERS = pytest.mark.parametrize("make", [Mosquitto, Iotcore])


@asynccontextmanager
async def running(broker: Mosquitto) -> AsyncIterator[Watcher]:
    broker.start()
    try:
        async with watching(broker, session_expiry=3600) as watcher:
            yield watcher
    finally:
        broker.stop()


def closed(watcher: Watcher) -> set[tuple[str, str]]:
    """Conversations and ids of their records; the same one may come twice where the broker was slow
    to take it.
    """
    records = [each.body for each in watcher.messages if each.name == f"{UID}/events/closed"]
    return {(record["conversation"], record["eventId"]) for record in records}


@BROKERS
@pytest.mark.broker
@pytest.mark.media
async def test_a_call_outlives_its_broker(
    tmp_path: Path, make: Callable[[Path], Mosquitto]
) -> None:
    """Its events go on once the broker is back, it can end while the broker is frozen, and the next
    one works.
    """
    broker = make(tmp_path)
    async with running(broker) as watcher, device(tmp_path, broker, watcher):
        caller = await call(tmp_path, broker)
        conversation = (await watcher.wait(f"{UID}/events/local_stats"))["conversation"]
        await watcher.wait(f"{UID}/status", lambda body: body["busy"])
        for end in (broker.kill, broker.stop):
            mark = len(watcher.messages)
            await asyncio.to_thread(end)
            await asyncio.to_thread(broker.start)
            # A mosquitto that is stopped says all wills on its way out, whatever their delay.
            status = await watcher.wait(
                f"{UID}/status", lambda body: body["state"] == "online", after=mark
            )
            assert status["busy"]
            await watcher.wait(
                f"{UID}/events/local_stats",
                lambda body: body["conversation"] == conversation,
                after=mark,
            )
        broker.freeze()
        caller.signal(signal.SIGINT)
        await caller.finish()
        broker.thaw()
        record = await watcher.wait(f"{UID}/events/closed")
        assert (record["conversation"], record["reason"]) == (conversation, "user_hangup")

        code, _ = await (await call(tmp_path, broker, "--seconds", "0.5")).finish()
        assert code == 0
        await watcher.wait(
            f"{UID}/events/closed", lambda body: body["conversation"] != conversation
        )
    assert len(closed(watcher)) == 2


@BROKERS
@pytest.mark.broker
async def test_no_will_is_said_of_a_connection_that_a_new_one_took_over(
    tmp_path: Path, make: Callable[[Path], Mosquitto]
) -> None:
    """A device lost its power and is back before the broker has noticed. The will of one that died
    later is said.
    """
    broker = make(tmp_path)

    def client(uid: str, boot_id: str) -> MqttBroker:
        options = MqttOptions(
            port=broker.port, client_id=f"callbox-{uid}", retry_first=300, retry_longest=300
        )
        will = replace(offline(uid, Topics(PREFIX), boot_id), delay=1)
        made = MqttBroker(options, will=will)
        made.subscribe(f"{PREFIX}/{uid}/signal/+", essential=True)
        return made

    async with (
        running(broker) as watcher,
        connected(client(UID, "boot-1")) as before,
        connected(client("other", "boot-1")) as other,
        until(before, False),
        connected(client(UID, "boot-2")),
    ):
        assert isinstance(other, MqttBroker)
        other._link.abort()
        await watcher.wait("other/status", lambda body: body["state"] == "offline")
        assert not [each for each in watcher.messages if each.name == f"{UID}/status"]
