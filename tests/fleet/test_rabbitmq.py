"""What RabbitMQ 4 does otherwise: delayed wills that are not retained, no shared subscriptions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.doctor.broker_check import check_broker
from agent.settings import Settings
from agent.signaling.broker import Will
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.paho_client import prepare
from tests.fleet.rabbitmq import rabbitmq
from tests.fleet.samples import PREFIX, closed
from tests.fleet.test_collector_service import collector, publish_to, wait_for, wait_stored
from tests.waiting import START_TIMEOUT

pytestmark = [pytest.mark.broker, pytest.mark.further_case, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as port:
        yield port


def be_cut_off(port: int, uid: str, delay: int) -> None:
    """A device that is `online`, retained, and then gone without a word."""
    topic = f"{PREFIX}/{uid}/status"
    options = MqttOptions(port=port, client_id=uid)
    # as a device's, without what brings it back
    device = paho.Client(CallbackAPIVersion.VERSION2, client_id=uid, protocol=paho.MQTTv5)
    prepare(device, options, Will(topic, b"offline", delay=delay))
    device.reconnect()
    device.loop_start()
    device.publish(topic, b"online", qos=1, retain=True).wait_for_publish(START_TIMEOUT)
    device.loop_stop()
    transport = device.socket()
    assert transport is not None
    transport.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]


async def said_of(port: int, uid: str) -> tuple[bytes, bytes]:
    """What whoever watches hears when it is gone, and what whoever comes later finds."""
    topic = f"{PREFIX}/{uid}/status"
    options = MqttOptions(port=port, client_id=f"watch-{uid}", session_expiry=0)
    async with MqttBroker(options) as broker, asyncio.timeout(START_TIMEOUT):
        stream = broker.subscribe(topic)
        await stream.wait_granted(START_TIMEOUT)
        while (heard := (await stream.receive()).payload) != b"offline":
            pass
    options = options.model_copy(update={"client_id": f"later-{uid}"})
    async with MqttBroker(options) as broker, asyncio.timeout(START_TIMEOUT):
        return heard, (await broker.subscribe(topic).receive()).payload


async def test_rabbitmq_retains_a_will_that_is_not_delayed_and_no_other(port: int) -> None:
    for uid, delay, kept in (("now", 0, b"offline"), ("late", 5, b"online")):
        await asyncio.to_thread(be_cut_off, port, uid, delay)
        assert await said_of(port, uid) == (b"offline", kept)


@pytest.mark.parametrize(("delay", "told"), [(5, True), (0, False)])
async def test_doctor_at_rabbitmq_names_the_delay_of_the_will(
    port: int, delay: int, told: bool
) -> None:
    given = Settings.model_validate({"uid": "door-1", "mqtt": {"port": port, "will_delay": delay}})
    found = [each async for each in check_broker(given, daemon_is_here=False)]
    assert any("mqtt.will_delay = 0" in each.advice for each in found) is told


def test_collector_at_rabbitmq_collects_and_tells_that_it_cannot_share(
    port: int, tmp_path: Path
) -> None:
    config = tmp_path / "collector.toml"
    config.write_text(f'state_directory = "{tmp_path}/state"\n[mqtt]\nport = {port}\n')
    with collector(config) as process:
        wait_for(process, "connected to the broker")
        publish_to(port, [closed(eventId=str(each)) for each in range(3)])
        assert len(wait_stored(config, 3)) == 3
    config.write_text(f'{config.read_text()}share = "fleet"\n')
    with collector(config) as process:
        wait_for(process, "the broker has no shared subscriptions")
