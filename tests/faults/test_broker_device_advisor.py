"""The MQTT cases of AWS IoT Device Advisor, each under its name there, against a broker that plays
them.

Three differ, and say why: what Device Advisor asks of MQTT 3.1.1 and MQTT 5 forbids, and what would
lose messages.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from agent.errors import NotConnected
from agent.signaling.broker import Incoming
from agent.signaling.mqtt.backoff import Backoff
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions, TlsOptions
from agent.signaling.protocol.json_limits import MAX_PAYLOAD
from tests.fakes.reader import reading, stream_of
from tests.faults.scripted_broker import (
    PATIENCE,
    PINGREQ,
    PUBACK,
    PUBLISH,
    SUBSCRIBE,
    Connection,
    Packet,
    ScriptedBroker,
)
from tests.signaling.mqtt.certificates import Authority
from tests.waiting import until

SERVER_SHUTTING_DOWN = 139
SIGNALS = "callbox/v1/door-1/signal/+"


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

    monkeypatch.setattr("agent.signaling.mqtt.link.Backoff", Recorded)
    return found


def client(port: int, *filters: str, **changes: object) -> MqttBroker:
    options = MqttOptions(port=port, client_id="callbox-door-1").model_copy(update=changes)
    broker = MqttBroker(options)
    if filters:
        reading(broker, filters[0], essential=True)
    for name in filters[1:]:
        broker.subscribe(name)
    return broker


async def serve(connection: Connection) -> None:
    """What every broker does."""
    await connection.accept()
    await connection.subscribed()
    await connection.hung_up()


async def no_connack(connection: Connection) -> None:
    """How long the client waits for one is held by `test_a_broker_that_does_not_answer_is_left`."""
    await connection.read_any()


async def silence(connection: Connection) -> None:
    await connection.hung_up()


async def received(broker: MqttBroker) -> Incoming:
    async with asyncio.timeout(PATIENCE):
        return await stream_of(broker).receive()


async def settled(future: asyncio.Future[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        await future


def assert_exponential(pauses: Sequence[float], options: MqttOptions) -> None:
    """Each lies in the upper half of a step of its own; steps double; jitter puts no two at one
    place.
    """
    for number, pause in enumerate(pauses):
        step = min(options.retry_longest, options.retry_first * 2.0**number)
        assert step / 2 <= pause <= step
    assert len(set(pauses)) == len(pauses)


# --- connecting -----------------------------------------------------------------------------------


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


async def serve_once(connection: Connection) -> None:
    await connection.accept()
    await connection.subscribed()


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


# --- publishing -----------------------------------------------------------------------------------


async def test_mqtt_publish() -> None:
    arrived: list[Packet] = []

    async def script(connection: Connection) -> None:
        await connection.accept()
        arrived.append(await connection.read(PUBLISH))
        await connection.hung_up()

    async with ScriptedBroker([script]) as broker, client(broker.port) as device:
        await device.wait_connected(PATIENCE)
        await settled(device.publish("callbox/v1/door-1/health", b"{}", qos=0))
        await until(lambda: bool(arrived))
    assert [(each.topic, each.payload, each.qos) for each in arrived] == [
        ("callbox/v1/door-1/health", b"{}", 0)
    ]


async def test_mqtt_publish_retry_no_puback() -> None:
    """MQTT 5 forbids to send again on the same connection (4.4): it comes on the next one, with the
    same id.
    """
    arrived: list[Packet] = []

    async def forgetful(connection: Connection) -> None:
        await connection.accept()
        arrived.append(await connection.read(PUBLISH))

    async def thorough(connection: Connection) -> None:
        await connection.accept(session_present=True)
        arrived.append(await connection.read(PUBLISH))
        connection.puback(arrived[-1])
        await connection.hung_up()

    async with (
        ScriptedBroker([forgetful, thorough]) as broker,
        client(broker.port, retry_first=0.05) as device,
    ):
        await settled(device.publish("x", b"precious"))
    first, second = arrived
    assert (first.id, first.payload, first.duplicate) == (second.id, second.payload, False)
    assert second.duplicate


async def test_a_broker_that_falls_silent_after_a_publish_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frozen, or half-open: the connection stands, and nothing comes."""
    monkeypatch.setattr("agent.signaling.mqtt.link._ANSWER_TIMEOUT", 0.5)

    async def frozen(connection: Connection) -> None:
        await connection.accept()
        await connection.hung_up()

    async def thawed(connection: Connection) -> None:
        await connection.accept()
        connection.puback(await connection.read(PUBLISH))
        await connection.hung_up()

    async with (
        ScriptedBroker([frozen, thawed]) as broker,
        client(broker.port, retry_first=0.05) as device,
    ):
        await settled(device.publish("x", b"precious"))
    # more where the thawed one is as slow as that
    assert broker.count >= 2


# --- subscribing ----------------------------------------------------------------------------------


async def test_mqtt_subscribe() -> None:
    asked: list[Packet] = []

    async def script(connection: Connection) -> None:
        await connection.accept()
        asked.append(await connection.subscribed())
        await connection.hung_up()

    commands = "callbox/v1/door-1/command/+"
    async with ScriptedBroker([script]) as broker, client(broker.port, SIGNALS, commands) as device:
        await device.wait_connected(PATIENCE)
    assert asked[0].filters == ((SIGNALS, 1), (commands, 1))


async def test_mqtt_subscribe_retry_no_suback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the broker consents nobody could call: so long it does not count as connected, and is
    left in the end.
    """
    monkeypatch.setattr("agent.signaling.mqtt.link._READY_TIMEOUT", 0.5)
    asked: list[Packet] = []

    async def mute(connection: Connection) -> None:
        await connection.accept()
        asked.append(await connection.read(SUBSCRIBE))
        await connection.hung_up()

    async def script(connection: Connection) -> None:
        await connection.accept()
        asked.append(await connection.subscribed())
        await connection.hung_up()

    async with (
        ScriptedBroker([mute, script]) as broker,
        client(broker.port, SIGNALS, retry_first=0.05) as device,
    ):
        with pytest.raises(NotConnected):
            await device.wait_connected(0.01)
        await device.wait_connected(PATIENCE)
    assert {each.filters for each in asked} == {((SIGNALS, 1),)}
    assert len(asked) >= 2


# --- keep-alive -----------------------------------------------------------------------------------


async def test_mqtt_no_ack_pingresp(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client leaves by itself, and comes back."""
    monkeypatch.setattr("agent.signaling.mqtt.link._ANSWER_TIMEOUT", 0.5)
    pinged: list[Packet] = []

    async def deaf(connection: Connection) -> None:
        await connection.accept(ServerKeepAlive=1)
        pinged.append(await connection.read(PINGREQ))
        await connection.hung_up()

    async with ScriptedBroker([deaf, silence]) as broker, client(broker.port, retry_first=0.05):
        await broker.connections(2)
    assert len(pinged) == 1


# --- sessions -------------------------------------------------------------------------------------


async def test_mqtt_persistent_session_happy_case() -> None:
    """What waited for us arrives and is acknowledged.

    Device Advisor wants no SUBSCRIBE where the session is present. We subscribe all the same: the
    session may be older than our subscriptions, and a device that is deaf after an update is worse
    than a packet too many.
    """
    seen: list[Packet] = []

    async def drop(connection: Connection) -> None:
        connect = await connection.accept()
        assert not connect.clean_start
        assert connect.properties.SessionExpiryInterval == 3600  # type: ignore[union-attr]
        await connection.subscribed()

    async def resume(connection: Connection) -> None:
        await connection.accept(session_present=True)
        connection.publish("callbox/v1/door-1/signal/alice", b"stored", 9)
        while len(seen) < 2:
            seen.append(await connection.read_any())
            if seen[-1].kind == SUBSCRIBE:
                connection.suback(seen[-1])
        await connection.hung_up()

    async with (
        ScriptedBroker([drop, resume]) as broker,
        client(broker.port, SIGNALS, retry_first=0.05) as device,
    ):
        message = await received(device)
        message.ack()
        await until(lambda: len(seen) == 2)
    assert message.payload == b"stored"
    assert {(each.kind, each.id) for each in seen if each.kind == PUBACK} == {(PUBACK, 9)}


async def test_mqtt_persistent_session_expiry() -> None:
    """The broker has forgotten the session: everything is subscribed to again."""
    asked: list[Packet] = []

    async def drop(connection: Connection) -> None:
        await connection.accept()
        asked.append(await connection.subscribed())

    async def forget(connection: Connection) -> None:
        await connection.accept(session_present=False)
        asked.append(await connection.subscribed())
        await connection.hung_up()

    async with (
        ScriptedBroker([drop, forget]) as broker,
        client(broker.port, SIGNALS, retry_first=0.05) as device,
    ):
        await broker.connections(2)
        await device.wait_connected(PATIENCE)
    assert [each.filters for each in asked] == [((SIGNALS, 1),)] * 2


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
