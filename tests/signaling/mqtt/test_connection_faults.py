"""Brokers that misbehave, and what the MQTT adapter makes of it."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode

from agent.errors import NotConnected, SignalingError
from agent.signaling.broker import StreamBounds
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import TlsOptions
from agent.signaling.mqtt.paho_client import on_socket
from agent.signaling.router import BoundedStream
from tests.conftest import Mosquitto
from tests.fakes.reader import reading
from tests.signaling.mqtt.certificates import Authority
from tests.signaling.mqtt.harness import connected, peek, until
from tests.signaling.mqtt.servers import (
    CONNACK,
    logged,
    options,
    packet,
    refusing,
    serving,
    true_of,
)
from tests.waiting import PATIENCE

pytestmark = pytest.mark.broker


NOISE = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "connack": b"\x20\x03\x00\x00\xff",
    "noise": b"\xff" * 64,
    "publish": CONNACK + b"\x30\x02\x00\x09",
    "suback": CONNACK + b"\x90\x01\x00",
    "puback": CONNACK + b"\x40\x03\x00\x01\x03",
    "disconnect": CONNACK + b"\xe0\x02\x03\x00",
    "properties": CONNACK + b"\x30\x06\x00\x01x\x02\x7f\x01",
    "silence": b"",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
async def test_connection_nothing_that_a_broker_says_ends_the_thread(
    noise: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    connections = asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.release()
        await packet(reader)
        writer.write(noise)
        await writer.drain()

    async with serving(serve) as port, MqttBroker(options(port)) as a:
        async with asyncio.timeout(PATIENCE):
            for _ in range(3):
                await connections.acquire()
        assert a.alive
    assert not a.alive


async def test_connection_fault_in_the_client_is_logged_and_connects_afresh(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    healthy = paho.Client.loop

    def faulty(client: paho.Client, timeout: float = 1.0) -> MQTTErrorCode:
        monkeypatch.setattr(paho.Client, "loop", healthy)
        raise IndexError("bytearray index out of range")

    monkeypatch.setattr(paho.Client, "loop", faulty)
    async with connected(MqttBroker(options(mosquitto.port))) as a:
        await a.publish("x/1", b"")
    assert "IndexError: bytearray index out of range" in await logged(
        caplog, "no connection to the broker"
    )
    assert "the MQTT client failed" in caplog.text


async def test_connection_broker_that_does_not_answer_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent.signaling.mqtt.link._READY_TIMEOUT", 0.1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with serving(serve) as port, MqttBroker(options(port)) as a:
        await logged(caplog, "no answer from the broker")
        assert not a.connected


async def test_connection_broker_that_takes_few_at_a_time_gets_few_at_a_time() -> None:
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        # CONNACK, Receive Maximum 2
        writer.write(bytes([0x20, 6, 0, 0, 3, 0x21, 0, 2]))
        while True:
            kind, rest = await packet(reader)
            if kind & 0xF0 != 0x30:
                return
            arrived.append(rest[-1:])
            # the message of QoS 0, which need not wait: answer those before it and all after it
            if kind & 0x06 == 0:
                for mid in (1, 2):
                    writer.write(bytes([0x40, 2, 0, mid]))
            elif b"0" in arrived:
                writer.write(bytes([0x40, 2]) + rest[5:7])

    async with serving(serve) as port, connected(MqttBroker(options(port))) as a:
        sent = [a.publish("x/1", b"1") for _ in range(8)]
        await a.publish("x/1", b"0", qos=0)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*sent)
    assert arrived == [b"1", b"1", b"0", *[b"1"] * 6]


async def test_connection_acknowledgement_never_goes_to_another_connection() -> None:
    """Packet ids are the broker's to use again: on a new connection the same one may be another
    message.
    """
    packets: asyncio.Queue[int] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        _, subscribe = await packet(reader)
        writer.write(bytes([0x90, 4]) + subscribe[:2] + bytes([0, 1]))
        # QoS 1, topic `x`, id 9
        writer.write(bytes([0x32, 6, 0, 1, 0x78, 0, 9, 0]))
        while True:
            packets.put_nowait((await packet(reader))[0])

    async with serving(serve) as port, connected(reading(MqttBroker(options(port)), "x")) as a:
        stale = await peek(a)
        async with until(a, True):
            a._link.abort()  # type: ignore[attr-defined]
        fresh = await peek(a)
        stale.ack()
        a.publish("x/1", b"", qos=0)
        fresh.ack()
        async with asyncio.timeout(PATIENCE):
            assert [await packets.get() & 0xF0, await packets.get() & 0xF0] == [0x30, 0x40]


async def test_connection_without_an_essential_subscription_a_connection_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(refusing(1, 135)) as port:
        a = MqttBroker(options(port, retry_first=300))
        a.subscribe("y/+")
        a.subscribe("x/+", essential=True)
        async with a:
            line = await logged(caplog, "no connection")
            assert "the broker refuses the subscription to x/+: Not authorized (" in line
            assert "callbox acl" in line
            with pytest.raises(NotConnected, match="refuses the subscription"):
                await a.wait_connected(0.01)


async def test_connection_another_refused_subscription_is_an_error_of_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(refusing(1, 135)) as port:
        a = MqttBroker(options(port))
        essential = a.subscribe("x/+", essential=True)
        refused = a.subscribe("y/+")
        async with connected(a):
            assert "Not authorized" in await logged(caplog, "refuses the subscription to y/+")
            await essential.wait_granted(PATIENCE)
            with pytest.raises(SignalingError, match=r"y/\+: Not authorized"):
                await refused.wait_granted(PATIENCE)


async def test_connection_topic_that_is_not_utf_8_is_dropped_and_acknowledged() -> None:
    acknowledged = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK)
        writer.write(bytes([0x32, 7, 0, 2, 0xFF, 0xFE, 0, 9, 0]))
        if await packet(reader) == (0x40, bytes([0, 9])):
            acknowledged.set()

    async with serving(serve) as port, MqttBroker(options(port)):
        async with asyncio.timeout(PATIENCE):
            await acknowledged.wait()


async def test_connection_peer_that_vanished_is_noticed_by_tcp(mosquitto: Mosquitto) -> None:
    """A power cut says nothing, and the next ping is half a minute away."""
    found = {}

    def look(sock: socket.socket) -> None:
        for level, name in (
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        ):
            found[name] = sock.getsockopt(level, name)

    async with connected(MqttBroker(options(mosquitto.port))) as a:
        on_socket(a._link._client, look)  # type: ignore[attr-defined]
    assert list(found.values()) == [1, 5, 10_000]


async def test_connection_nothing_is_left_open(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Neither what wakes the thread nor the socket of a handshake that failed; not even for the
    garbage collector.
    """
    before = set(os.listdir("/proc/self/fd"))
    async with connected(reading(MqttBroker(options(mosquitto.port)), "x/+")) as a:
        await a.publish("x/1", b"")
        mosquitto.restart()
        async with until(a, True):
            pass
    tls = TlsOptions(Authority(tmp_path).file)
    async with MqttBroker(options(mosquitto.port, tls=tls)) as b:
        await true_of(lambda: b.trouble is not None)
    assert set(os.listdir("/proc/self/fd")) <= before


async def test_connection_what_comes_before_the_consent_is_bounded_and_comes_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A session brings what has waited at once, before anything can be held back."""
    acknowledged, connections = set[int](), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await packet(reader)
        writer.write(CONNACK)
        _, subscribe = await packet(reader)
        for number in range(1, 41):
            if number not in acknowledged:
                writer.write(b"\x32\x09\x00\x03x/1" + bytes([0, number, 0, number]))
        writer.write(bytes([0x90, 4]) + subscribe[:2] + bytes([0, 1]))
        while True:
            kind, rest = await packet(reader)
            if kind == 0x40:
                acknowledged.add(rest[1])

    bounds = StreamBounds(messages=5, hold_back=True)
    async with serving(serve) as port, MqttBroker(options(port)) as broker:
        stream = broker.subscribe("x/+", bounds=bounds)
        await broker.wait_connected(PATIENCE)
        assert isinstance(stream, BoundedStream)
        assert stream.deferred == 30
        await logged(caplog, "further ones are left at the broker")
        found = set[bytes]()
        while len(found) < 40:
            async with asyncio.timeout(PATIENCE):
                message = await stream.receive()
            message.ack()
            found.add(message.payload)
        assert stream.lost == 0
        assert connections > 1
        await logged(caplog, "it has sent more than could be kept")
