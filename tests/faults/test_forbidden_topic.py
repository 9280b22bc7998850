"""A broker that ends the connection for one topic, instead of refusing the message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agent.errors import SignalingError
from agent.signaling.mqtt import suspects
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from tests.faults.scripted_broker import PUBLISH, Connection, Script, ScriptedBroker
from tests.waiting import PATIENCE, until

QUICK = MqttOptions(
    client_id="a",
    retry_first=0.02,
    retry_longest=0.05,
    retry_refused=0.02,
    retry_refused_longest=0.05,
)
NOT_AUTHORIZED = 135


def forbidding(topic: str, taken: list[str], *, how: str, late: bool) -> Script:
    """Takes every topic but one. `late`: it acknowledges only once nothing more comes, as brokers
    do that write to a disk first.
    """

    async def script(connection: Connection) -> None:
        await connection.accept()
        waiting: list[Callable[[], None]] = []
        while True:
            try:
                async with asyncio.timeout(0.05 if waiting else None):
                    packet = await connection.read_any()
            except TimeoutError:
                for each in waiting:
                    each()
                waiting.clear()
                continue
            if packet.kind != PUBLISH:
                continue
            if packet.topic == topic:
                if how == "disconnect":
                    connection.disconnect(NOT_AUTHORIZED)
                return

            def acknowledge(packet=packet) -> None:  # type: ignore[no-untyped-def]
                taken.append(packet.topic)
                connection.puback(packet)

            if packet.qos and late:
                waiting.append(acknowledge)
            elif packet.qos:
                acknowledge()

    return script


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("how", ["close", "disconnect"])
async def test_forbidden_topic_is_set_aside_and_all_else_goes_on(
    how: str, late: bool, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[str] = []
    script = forbidding("x/forbidden", taken, how=how, late=late)
    async with (
        ScriptedBroker([script]) as broker,
        MqttBroker(QUICK.model_copy(update={"port": broker.port})) as device,
        asyncio.timeout(PATIENCE),
    ):
        await device.wait_connected(PATIENCE)
        topics = ("x/1", "x/2", "x/forbidden", "x/3")
        first, second, forbidden, third = [device.publish(each, b"") for each in topics]
        await asyncio.gather(first, second, third)
        with pytest.raises(SignalingError, match="the broker ends the connection for it"):
            await forbidden
        cuts = broker.count
        assert [*device.refused_topics] == ["x/forbidden"]
        with pytest.raises(SignalingError, match="the broker ends the connection for it"):
            await device.publish("x/forbidden", b"again")
        await device.publish("x/4", b"")
        assert broker.count == cuts, "nothing cuts the connection any more"
    assert cuts <= 8
    assert [*dict.fromkeys(taken)] == ["x/1", "x/2", "x/3", "x/4"]
    assert "messages to x/forbidden are set aside" in caplog.text


async def test_forbidden_topic_of_qos_0_is_set_aside() -> None:
    script = forbidding("x/forbidden", [], how="close", late=False)
    async with (
        ScriptedBroker([script]) as broker,
        MqttBroker(QUICK.model_copy(update={"port": broker.port})) as device,
        asyncio.timeout(PATIENCE),
    ):
        for number in range(1, 4):
            await device.wait_connected(PATIENCE)
            lost = asyncio.Event()
            remove = device.on_connection(lambda up, lost=lost: None if up else lost.set())  # type: ignore[misc]
            await device.publish("x/forbidden", b"", qos=0)
            await lost.wait()
            remove()
            assert [*device.refused_topics] == (["x/forbidden"] if number == 3 else [])
        await device.wait_connected(PATIENCE)
        with pytest.raises(SignalingError, match="the broker ends the connection for it"):
            await device.publish("x/forbidden", b"", qos=0)
        await device.publish("x/1", b"")


async def test_topic_that_was_set_aside_by_chance_is_used_again_without_a_restart(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The network was cut three times just behind it; what is retained goes again by itself."""
    monkeypatch.setattr(suspects, "FIRST_RETRY", 1.5)
    taken: list[str] = []
    chance = forbidding("x/status", taken, how="close", late=False)
    sound = forbidding("none", taken, how="close", late=False)
    async with (
        ScriptedBroker([chance] * suspects.MAX_LOSSES + [sound]) as broker,
        MqttBroker(QUICK.model_copy(update={"port": broker.port})) as device,
        asyncio.timeout(PATIENCE),
    ):
        await device.wait_connected(PATIENCE)
        with pytest.raises(SignalingError, match="the broker ends the connection for it"):
            await device.publish("x/status", b"", retain=True)
        assert [*device.refused_topics] == ["x/status"]
        await until(lambda: taken == ["x/status"] and not device.refused_topics)
        assert broker.count == suspects.MAX_LOSSES + 1
    assert "messages to x/status are sent again" in caplog.text


async def test_topic_that_was_set_aside_is_used_again_once_the_connection_ends_without_it() -> None:
    """So is what is not retained, with its next message."""
    taken: list[str] = []
    chance = forbidding("x/health", taken, how="close", late=False)
    idle = asyncio.Event()

    async def cut(connection: Connection) -> None:
        await connection.accept()
        await idle.wait()

    sound = forbidding("none", taken, how="close", late=False)
    async with (
        ScriptedBroker([chance] * suspects.MAX_LOSSES + [cut, sound]) as broker,
        MqttBroker(QUICK.model_copy(update={"port": broker.port})) as device,
        asyncio.timeout(PATIENCE),
    ):
        await device.wait_connected(PATIENCE)
        with pytest.raises(SignalingError, match="the broker ends the connection for it"):
            await device.publish("x/health", b"")
        await until(lambda: device.connected and broker.count == suspects.MAX_LOSSES + 1)
        idle.set()
        await until(lambda: not device.refused_topics)
        await device.publish("x/health", b"")
    assert taken == ["x/health"]
