"""What only the MQTT adapter has: transports, queues and reports."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path

import pytest

from agent.errors import SignalingError
from agent.signaling.broker import StreamBounds
from agent.signaling.mqtt.client_tls import ClientTls
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.disconnect import DisconnectReason
from tests.conftest import Mosquitto
from tests.fakes.reader import reading
from tests.free_ports import free_port
from tests.signaling.mqtt.harness import connected, peek, read, until
from tests.signaling.mqtt.servers import (
    logged,
    options,
    running,
    true_of,
)
from tests.waiting import PATIENCE

pytestmark = pytest.mark.broker


async def test_connection_over_websockets(tmp_path: Path) -> None:
    port = free_port()
    # mosquitto wants a plain one as well
    with running(tmp_path, f"listener {port} 127.0.0.1", "protocol websockets"):
        over = options(port, transport="websockets", path="/mqtt")
        async with connected(reading(MqttBroker(over), "x/+")) as a:
            await a.publish("x/1", b"w" * 10_000)
            assert (await read(a)).payload == b"w" * 10_000


@pytest.mark.parametrize("qos", [0, 1])
async def test_connection_flood_does_not_make_deaf(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture, qos: int
) -> None:
    async with (
        connected(reading(MqttBroker(options(mosquitto.port, "a")), "x/+")) as a,
        connected(
            MqttBroker(options(mosquitto.port, "b", max_queued=2 * StreamBounds().messages))
        ) as b,
    ):
        for _ in range(StreamBounds().messages + 200):
            b.publish("x/flood", b"", qos=qos)
        # of QoS 1, mosquitto sends the first few only until something is acknowledged
        if qos == 0:
            await logged(caplog, "new ones are dropped")
        await b.publish("x/invitation", b"")
        topics = []
        while "x/invitation" not in topics:
            topics.append((await read(a)).topic)
        assert len(topics) <= StreamBounds().messages + 201


async def test_connection_what_is_acknowledged_late_arrives_all_the_same(
    mosquitto: Mosquitto,
) -> None:
    async with (
        connected(reading(MqttBroker(options(mosquitto.port, "a")), "x/+")) as a,
        connected(MqttBroker(options(mosquitto.port, "b"))) as b,
    ):
        await asyncio.gather(*(b.publish("x/1", str(number).encode()) for number in range(300)))
        assert [int((await read(a)).payload) for _ in range(300)] == list(range(300))


async def test_connection_message_that_the_broker_cannot_take_is_refused_here(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "max_packet_size 2000") as mosquitto:
        async with connected(MqttBroker(options(mosquitto.port))) as a:
            with pytest.raises(SignalingError, match="more than the broker takes"):
                await a.publish("x/1", b"x" * 2000)
            with pytest.raises(SignalingError, match="more than the broker takes"):
                await a.publish("x/1", b"x" * 2000, qos=0)
            await a.publish("x/1", b"x" * 1000)
            await a.publish("x/1", b"x" * 1000, qos=0)


# --- reports --------------------------------------------------------------------------------------


async def test_connection_each_change_of_state_is_logged_once(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, logger="agent.signaling")
    where = f"127.0.0.1:{mosquitto.port}"
    attempts = asyncio.Semaphore(0)
    async with connected(MqttBroker(options(mosquitto.port))) as a:
        assert isinstance(a, MqttBroker)
        listen = a.link_down

        def counted(loss: DisconnectReason) -> None:
            listen(loss)
            attempts.release()

        monkeypatch.setattr(a, "link_down", counted)
        mosquitto.kill()
        async with asyncio.timeout(PATIENCE):
            for _ in range(5):
                await attempts.acquire()
        async with until(a, True):
            mosquitto.start()
    lines = [line.replace(where, "W").split(":")[0] for line in caplog.messages]
    assert lines == [
        "connected to the broker W",
        "lost the broker W",
        "no connection to the broker W",
        "connected to the broker W",
    ]
    assert "Connection refused" in caplog.text


async def test_connection_leaving_does_not_wait_for_a_thread_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    monkeypatch.setattr("agent.signaling.mqtt.connection._THREAD_TIMEOUT", 0.05)
    monkeypatch.setattr(ClientTls, "load", lambda *_: release.wait(PATIENCE))
    async with MqttBroker(options(1, close_timeout=0.05)) as a:
        a.publish("x/1", b"")
    await logged(caplog, "leaving it behind")
    release.set()
    await true_of(lambda: not a.alive)


async def test_connection_connection_callback_may_be_left_waiting_for_nothing(
    mosquitto: Mosquitto,
) -> None:
    async with connected(reading(MqttBroker(options(mosquitto.port)), "x/+")) as a:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await peek(a)
        await a.publish("x/1", b"after a reader gave up")
        assert (await peek(a)).payload == b"after a reader gave up"


async def test_reader_that_holds_back_gets_every_message_of_a_faster_broker(
    mosquitto: Mosquitto,
) -> None:
    # more than the Receive Maximum come, as each acknowledgement brings further ones (2.0.11)
    bounds = StreamBounds(messages=50, unacknowledged=10_000, hold_back=True)
    async with (
        connected(MqttBroker(options(mosquitto.port, "a"))) as reader,
        connected(MqttBroker(options(mosquitto.port, "b"))) as writer,
    ):
        stream = reader.subscribe("x/#", qos=1, bounds=bounds)
        await stream.wait_granted(5)
        published = [writer.publish(f"x/{number}", b"") for number in range(1000)]
        found: list[str] = []
        while len(found) < 1000:
            batch = [await stream.receive() for _ in range(10)]
            for message in batch:
                message.ack()
            found += [message.topic for message in batch]
        await asyncio.gather(*published)
    assert sorted(found) == sorted(f"x/{number}" for number in range(1000))
    assert stream.lost == 0
