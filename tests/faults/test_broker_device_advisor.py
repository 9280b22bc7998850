"""The MQTT cases of AWS IoT Device Advisor, each under its name there, against a broker that plays
them.

Three differ, and say why: what Device Advisor asks of MQTT 3.1.1 and MQTT 5 forbids, and what would
lose messages.
"""

from __future__ import annotations

import pytest
from paho.mqtt.packettypes import PacketTypes

from agent.errors import NotConnected
from tests.faults.advisor import (
    SIGNALS,
    client,
    received,
    settled,
    silence,
)
from tests.faults.scripted_broker import (
    PINGREQ,
    PUBACK,
    PUBLISH,
    SUBSCRIBE,
    Connection,
    Packet,
    ScriptedBroker,
)
from tests.waiting import PATIENCE, until

# --- publishing -----------------------------------------------------------------------------------


# a device and a broker over TCP, which wait for each other
pytestmark = pytest.mark.lengthy


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
    monkeypatch.setattr("agent.signaling.mqtt.answer_deadline.TIMEOUT", 0.5)

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
    monkeypatch.setattr("agent.signaling.mqtt.answer_deadline.TIMEOUT", 0.5)
    pinged: list[Packet] = []

    async def deaf(connection: Connection) -> None:
        await connection.accept(ServerKeepAlive=1)
        pinged.append(await connection.read(PINGREQ))
        await connection.hung_up()

    async with ScriptedBroker([deaf, silence]) as broker, client(broker.port, retry_first=0.05):
        await broker.connections(2)
    assert len(pinged) == 1


async def test_mqtt_subscription_granted_with_less_than_asked_for_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def forgetful(connection: Connection) -> None:
        await connection.accept()
        connection.suback(await connection.read(SUBSCRIBE), 0)
        await connection.hung_up()

    async with ScriptedBroker([forgetful]) as broker, client(broker.port, SIGNALS) as device:
        await device.wait_connected(PATIENCE)
    assert f"the broker grants {SIGNALS} with QoS 0" in caplog.text


async def test_mqtt_keep_alive_0_freezes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that wants no pings is asked at our own pace, and each CONNECT asks for ours."""
    monkeypatch.setattr("agent.signaling.mqtt.answer_deadline.TIMEOUT", 0.5)
    monkeypatch.setattr("agent.signaling.mqtt.answer_deadline.GRACE", 0.1)
    connects: list[Packet] = []
    asked: list[int] = []

    async def frozen(connection: Connection) -> None:
        connects.append(await connection.accept(ServerKeepAlive=0))
        asked.extend(packet.kind for packet in await connection.hung_up())

    async with (
        ScriptedBroker([frozen]) as broker,
        client(broker.port, retry_first=0.05, keepalive=1),
    ):
        await broker.connections(3)
    assert {each.keepalive for each in connects} == {1}
    assert PacketTypes.UNSUBSCRIBE in asked


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
