"""The cases of AWS IoT Device Advisor about connecting and TLS; `test_broker_device_advisor` has
the others.
"""

from __future__ import annotations

import ssl
from itertools import pairwise
from pathlib import Path

import pytest

from agent.signaling.mqtt.backoff import Backoff
from agent.signaling.mqtt.mqtt_options import MqttOptions, TlsOptions
from agent.signaling.protocol.json_limits import MAX_PAYLOAD
from tests.faults.advisor import (
    SERVER_SHUTTING_DOWN,
    SIGNALS,
    assert_exponential,
    client,
    no_connack,
    received,
    serve,
    serve_once,
    silence,
)
from tests.faults.scripted_broker import PUBACK, Connection, Packet, ScriptedBroker
from tests.signaling.mqtt.certificates import Authority
from tests.waiting import PATIENCE, until


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client would have waited before each of its attempts but the first; it does not
    wait.
    """
    found: list[float] = []

    class Recorded(Backoff):
        def next(self, *, slow: bool, spent: float = 0.0) -> float:
            found.append(super().next(slow=slow, spent=0.0 * spent))
            return 0.0

    monkeypatch.setattr("agent.signaling.mqtt.pauses.Backoff", Recorded)
    return found


async def test_mqtt_connect() -> None:
    seen: list[Packet] = []

    async def script(connection: Connection) -> None:
        seen.append(await connection.accept())
        await connection.hung_up()

    async with ScriptedBroker([script]) as broker, client(broker.port) as device:
        await device.wait_connected(PATIENCE)
    assert (seen[0].client_id, seen[0].clean_start, seen[0].keepalive) == (
        "callbox-door-1",
        False,
        30,
    )


async def test_mqtt_client_puback_qos1() -> None:
    """With the largest payload that we take: the broker learns from CONNECT that more will not
    do.
    """
    acknowledged: list[Packet] = []
    payload = b"x" * MAX_PAYLOAD

    async def script(connection: Connection) -> None:
        connect = await connection.accept()
        assert MAX_PAYLOAD < connect.properties.MaximumPacketSize < 128 * 1024  # type: ignore[union-attr]
        await connection.subscribed()
        connection.publish("callbox/v1/door-1/signal/alice", payload, 7)
        acknowledged.append(await connection.read(PUBACK))
        await connection.hung_up()

    async with ScriptedBroker([script]) as broker, client(broker.port, SIGNALS) as device:
        message = await received(device)
        message.ack()
        await until(lambda: bool(acknowledged))
    assert (message.payload, acknowledged[0].id, acknowledged[0].reason) == (payload, 7, 0)


async def test_mqtt_connect_jitter_backoff_retries(pauses: list[float]) -> None:
    """No CONNACK five times, then one, and all of it again."""
    scripts = [*[no_connack] * 5, serve_once, *[no_connack] * 5, serve]
    async with ScriptedBroker(scripts) as broker, client(broker.port, SIGNALS) as device:
        await broker.connections(12)
        await device.wait_connected(PATIENCE)
    options = MqttOptions()
    assert len(pauses) == 11
    assert all(options.retry_first / 2 <= pause <= options.retry_longest for pause in pauses)
    assert len(set(pauses)) == len(pauses)


async def test_mqtt_connect_exponential_backoff_retries(pauses: list[float]) -> None:
    """With a longest pause as for a large fleet. The usual one ends the doubling early: see
    `mqtt.retry_longest`.
    """
    options = MqttOptions(retry_longest=120)
    async with (
        ScriptedBroker([*[no_connack] * 6, serve]) as broker,
        client(broker.port, SIGNALS, retry_longest=120) as device,
    ):
        await device.wait_connected(PATIENCE)
    assert len(pauses) == 6
    assert_exponential(pauses, options)


async def test_mqtt_reconnection_after_successful_connection(pauses: list[float]) -> None:
    """At least a second passes after a server's DISCONNECT."""

    async def leave(connection: Connection) -> None:
        await connection.accept()
        await connection.subscribed()
        connection.disconnect(SERVER_SHUTTING_DOWN)

    async with ScriptedBroker([leave, serve]) as broker, client(broker.port, SIGNALS) as device:
        await broker.connections(2)
        await device.wait_connected(PATIENCE)
    assert [pause >= 1 for pause in pauses] == [True]


async def test_mqtt_reconnect_backoff_retries_on_server_disconnect(pauses: list[float]) -> None:
    """To connect, and to be sent away at once, is no reason to begin with the shortest pause
    again.
    """

    async def leave(connection: Connection) -> None:
        await connection.accept()
        await connection.subscribed()
        connection.disconnect(SERVER_SHUTTING_DOWN)

    async with (
        ScriptedBroker([*[leave] * 7, serve]) as broker,
        client(broker.port, SIGNALS, retry_longest=300) as device,
    ):
        await broker.connections(8)
        await device.wait_connected(PATIENCE)
    assert len(pauses) == 7
    assert_exponential(pauses, MqttOptions(retry_longest=300))
    assert all(later > earlier for earlier, later in pairwise(pauses))


# --- TLS ------------------------------------------------------------------------------------------


def server_context(files: tuple[str, str], *, ciphers: str | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers is not None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    context.load_cert_chain(*files)
    return context


async def test_tls_connect(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with (
        ScriptedBroker([serve], tls=server_context(authority.issue("broker"))) as broker,
        client(broker.port, SIGNALS, tls=TlsOptions(authority.file)) as device,
    ):
        await device.wait_connected(PATIENCE)


@pytest.mark.parametrize(
    "case", ["wrong_name", "expired", "unknown_authority", "self_signed", "unsecure_cipher"]
)
async def test_tls_server_that_must_be_refused(tmp_path: Path, case: str) -> None:
    """Not a byte of MQTT is said to it: name and password are in the first packet."""
    authority, ciphers = Authority(tmp_path), None
    trusted = authority.file
    match case:
        case "wrong_name":
            files, reason = authority.issue("broker", address="192.0.2.1"), "IP address mismatch"
        case "expired":
            files, reason = authority.issue("broker", days=-2), "certificate has expired"
        case "unknown_authority":
            files, reason = (
                Authority(tmp_path, "stranger").issue("broker"),
                "unable to get local issuer certificate",
            )
        case "self_signed":
            trusted, reason = Authority(tmp_path, "other").file, "certificate"
            files = authority.issue("broker")
        case _:
            files, ciphers, reason = (
                authority.issue("broker", rsa_bits=2048),
                "AES128-SHA:@SECLEVEL=0",
                "",
            )
    async with (
        ScriptedBroker([silence], tls=server_context(files, ciphers=ciphers)) as broker,
        client(broker.port, SIGNALS, tls=TlsOptions(trusted)) as device,
    ):
        await until(lambda: device.trouble is not None)
        assert reason in str(device.trouble)
        assert str(device.trouble).startswith("TLS: ")
    assert broker.count == 0
