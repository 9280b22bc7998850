"""What a broker may say to a device, and what the device makes of it."""

from __future__ import annotations

import asyncio
import json

import pytest

from agent.device.status_publisher import WILL_DELAY, offline
from agent.errors import SignalingError
from agent.signaling.mqtt.backoff import Backoff
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol.topics import Topics
from tests.fakes.reader import reading, stream_of
from tests.faults.scripted_broker import PUBLISH, Connection, Packet, ScriptedBroker
from tests.waiting import PATIENCE

TOPICS = Topics("callbox/v1")
SIGNALS = TOPICS.signals_for("door-1")
QUICK = MqttOptions(
    client_id="callbox-door-1", retry_first=0.05, retry_longest=0.1, second_look=False
)

# reason code of CONNACK -> whether the device goes slowly from then on
REFUSALS = {
    "unspecified": (128, False),
    "malformed": (129, False),
    "version": (132, True),
    "client_id": (133, True),
    "password": (134, True),
    "not_authorized": (135, True),
    "unavailable": (136, False),
    "busy": (137, True),
    "banned": (138, True),
    "quota": (151, True),
    "moved": (157, True),
    "rate": (159, True),
}
# reason code of DISCONNECT
GOODBYES = {
    "normal": (0, False),
    "unspecified": (128, False),
    # it may be for what was published: that is found out at full speed
    "not_authorized": (135, False),
    "busy": (137, True),
    "shutting_down": (139, False),
    "keep_alive": (141, False),
    "packet_too_large": (149, False),
    "administrative": (152, False),
    "quality_not_supported": (155, False),
}


@pytest.fixture
def ladders(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each loss, whether it was one to go slowly after; nobody waits."""
    found: list[bool] = []

    class Recorded(Backoff):
        def next(self, *, slow: bool, spent: float = 0.0) -> float:
            found.append(slow)
            return 0.0

    monkeypatch.setattr("agent.signaling.mqtt.pauses.Backoff", Recorded)
    return found


async def serve(connection: Connection) -> None:
    await connection.accept()
    await connection.subscribed()
    await connection.hung_up()


@pytest.mark.parametrize(("reason", "slow"), REFUSALS.values(), ids=REFUSALS)
async def test_connack_refused(ladders: list[bool], reason: int, slow: bool) -> None:
    async def refuse(connection: Connection) -> None:
        await connection.read_any()
        connection.connack(reason)

    async with ScriptedBroker([refuse, serve]) as broker:
        device = reading(
            MqttBroker(QUICK.model_copy(update={"port": broker.port})), SIGNALS, essential=True
        )
        async with device:
            await device.wait_connected(PATIENCE)
            assert device.trouble is None
    assert ladders == [slow]


@pytest.mark.parametrize(("reason", "slow"), GOODBYES.values(), ids=GOODBYES)
async def test_disconnect_by_the_broker(ladders: list[bool], reason: int, slow: bool) -> None:
    async def leave(connection: Connection) -> None:
        await connection.accept()
        await connection.subscribed()
        connection.disconnect(reason)

    async with (
        ScriptedBroker([leave, serve]) as broker,
        reading(
            MqttBroker(QUICK.model_copy(update={"port": broker.port})), SIGNALS, essential=True
        ) as device,
    ):
        await broker.connections(2)
        await device.wait_connected(PATIENCE)
    assert ladders == [slow]


async def test_the_will_says_which_run_of_the_device_is_gone() -> None:
    seen: list[Packet] = []

    async def script(connection: Connection) -> None:
        seen.append(await connection.accept())
        await connection.hung_up()

    async with ScriptedBroker([script]) as broker:
        will = offline("door-1", TOPICS, "boot-1")
        async with MqttBroker(QUICK.model_copy(update={"port": broker.port}), will=will) as device:
            await device.wait_connected(PATIENCE)
    assert seen[0].will is not None
    topic, payload, properties = seen[0].will
    assert (topic, getattr(properties, "WillDelayInterval", None)) == (
        "callbox/v1/door-1/status",
        WILL_DELAY,
    )
    assert (json.loads(payload)["state"], json.loads(payload)["bootId"]) == ("offline", "boot-1")


async def publish_answered_with(reason: int) -> None:
    async def script(connection: Connection) -> None:
        await connection.accept()
        connection.puback(await connection.read(PUBLISH), reason)
        await connection.hung_up()

    async with (
        ScriptedBroker([script]) as broker,
        MqttBroker(QUICK.model_copy(update={"port": broker.port})) as device,
        asyncio.timeout(PATIENCE),
    ):
        await device.publish("x", b"")


async def test_puback_that_nobody_is_subscribed_is_no_refusal() -> None:
    """Who was called may have a session at another broker of several; his silence decides, not
    this.
    """
    await publish_answered_with(16)


@pytest.mark.parametrize(
    ("reason", "words"), [(135, "Not authorized"), (151, "Quota exceeded"), (128, "Unspecified")]
)
async def test_puback_that_refuses_is_an_error_in_the_future(reason: int, words: str) -> None:
    with pytest.raises(SignalingError, match=words):
        await publish_answered_with(reason)


async def test_what_is_more_than_the_broker_takes_does_not_cost_the_connection() -> None:
    async def script(connection: Connection) -> None:
        await connection.accept(MaximumPacketSize=1000, ReceiveMaximum=1, TopicAliasMaximum=10)
        packet = await connection.read(PUBLISH)
        assert len(packet.payload) == 500
        assert not hasattr(packet.properties, "TopicAlias")
        connection.puback(packet)
        await connection.hung_up()

    async with (
        ScriptedBroker([script]) as broker,
        MqttBroker(QUICK.model_copy(update={"port": broker.port})) as device,
    ):
        too_large, fits = device.publish("x", b"x" * 1000), device.publish("x", b"x" * 500)
        async with asyncio.timeout(PATIENCE):
            await fits
        with pytest.raises(SignalingError, match="more than the broker takes"):
            await too_large
    assert broker.count == 1


async def test_a_slow_broker_is_not_left() -> None:
    """It takes its time with everything, and messages arrive before its consent to our
    subscription.
    """
    turn = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_any()
        await turn.wait()
        connection.connack()
        subscribe = await connection.read_any()
        connection.publish("callbox/v1/door-1/signal/alice", b"early", 5)
        await connection.read_any()  # PUBACK
        connection.suback(subscribe)
        connection.puback(await connection.read(PUBLISH))
        await connection.hung_up()

    async with (
        ScriptedBroker([script]) as broker,
        reading(
            MqttBroker(QUICK.model_copy(update={"port": broker.port})), SIGNALS, essential=True
        ) as device,
        asyncio.timeout(PATIENCE),
    ):
        await broker.connections(1)
        sent = device.publish("x", b"")
        assert not device.connected
        turn.set()
        message = await stream_of(device).receive()
        assert not device.connected
        message.ack()
        await sent
        assert device.connected
    assert broker.count == 1


async def test_two_devices_of_one_client_id_do_not_fight_at_full_speed(
    ladders: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    """Each throws the other out. The first time is forgiven, as a broker may have come late to our
    own connection.
    """

    async def taken_over(connection: Connection) -> None:
        await connection.accept()
        await connection.subscribed()
        connection.disconnect(142)

    async with (
        ScriptedBroker([taken_over, taken_over, taken_over, serve]) as broker,
        reading(
            MqttBroker(QUICK.model_copy(update={"port": broker.port})), SIGNALS, essential=True
        ) as device,
    ):
        await broker.connections(4)
        await device.wait_connected(PATIENCE)
    assert ladders == [False, True, True]
    assert (
        "another client took over the client id callbox-door-1; are there two devices of one uid"
        in caplog.text
    )


async def test_after_our_own_move_there_is_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of the connection is gone: nobody has to be spared, so no back-off, however
    long.
    """
    monkeypatch.setattr("agent.signaling.mqtt.link.has_address_of", lambda _connection: False)
    async with ScriptedBroker([serve, serve]) as broker:
        patient = QUICK.model_copy(
            update={"port": broker.port, "retry_first": 600.0, "retry_longest": 600.0}
        )
        async with reading(MqttBroker(patient), SIGNALS, essential=True) as device:
            await device.wait_connected(PATIENCE)
            lost = asyncio.Event()
            device.on_connection(lambda connected: None if connected else lost.set())
            device.addresses_changed()
            async with asyncio.timeout(PATIENCE):
                await lost.wait()
            await device.wait_connected(PATIENCE)
