"""What the cases of AWS IoT Device Advisor share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agent.core.call.delivery import Delivery
from agent.signaling.broker import Incoming
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from tests.fakes.reader import reading, stream_of
from tests.faults.scripted_broker import Connection
from tests.waiting import PATIENCE

SERVER_SHUTTING_DOWN = 139
SIGNALS = "callbox/v1/door-1/signal/+"


def client(port: int, *filters: str, **changes: object) -> MqttBroker:
    options = MqttOptions(port=port, client_id="callbox-door-1", second_look=False).model_copy(
        update=changes
    )
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
    """How long the client waits for one is held by
    `test_connection_broker_that_does_not_answer_is_left`.
    """
    await connection.read_any()


async def silence(connection: Connection) -> None:
    await connection.hung_up()


async def received(broker: MqttBroker) -> Incoming:
    async with asyncio.timeout(PATIENCE):
        return await stream_of(broker).receive()


async def settled(future: asyncio.Future[Delivery]) -> None:
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


async def serve_once(connection: Connection) -> None:
    await connection.accept()
    await connection.subscribed()
