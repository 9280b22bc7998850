"""What the broker brings is acknowledged on its own connection, by whom it is for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from paho.mqtt import client as paho

from agent.counts import RefusalKind, refusals
from agent.signaling.broker import StreamBounds
from agent.signaling.mqtt.deliveries import Deliveries
from agent.signaling.router import BoundedStream, Router


def message(topic: bytes, qos: int = 1, mid: int = 7) -> paho.MQTTMessage:
    made = paho.MQTTMessage(mid, topic)
    made.payload, made.qos = b"x", qos
    return made


@pytest.fixture
def acknowledged() -> list[int]:
    return []


@pytest.fixture
def client(acknowledged: list[int]) -> Any:
    return SimpleNamespace(ack=lambda mid, _qos: acknowledged.append(mid))


async def test_deliveries_are_acknowledged_by_their_reader(
    client: Any, acknowledged: list[int]
) -> None:
    router = Router()
    stream = BoundedStream(("a/+",), post=lambda f, *a: f(*a), on_close=lambda _: None)
    router.add(stream)
    deliveries = Deliveries(router)
    deliveries.begin(client)
    deliveries.take(message(b"a/1"))
    received = await stream.receive()
    assert acknowledged == []
    received.ack()
    assert acknowledged == [7]
    assert not deliveries.full


async def test_deliveries_of_an_earlier_connection_are_not_acknowledged(
    client: Any, acknowledged: list[int]
) -> None:
    deliveries = Deliveries(Router())
    deliveries.begin(client)
    deliveries.begin(client)
    deliveries.ack(1, 7)
    assert acknowledged == []
    deliveries.ack(2, 8)
    assert acknowledged == [8]


def test_deliveries_for_nobody_are_acknowledged(client: Any, acknowledged: list[int]) -> None:
    deliveries = Deliveries(Router())
    deliveries.begin(client)
    before = refusals.totals()[RefusalKind.MESSAGE]
    deliveries.take(message(b"a/1"))
    deliveries.take(message(b"a/1", qos=0, mid=0))
    deliveries.take(message(b"\xff", mid=9))
    assert acknowledged == [7, 9]
    assert refusals.totals()[RefusalKind.MESSAGE] == before + 1


async def test_deliveries_want_the_rest_once_there_is_room(
    client: Any, acknowledged: list[int]
) -> None:
    router = Router()
    bounds = StreamBounds(messages=1, hold_back=True)
    stream = BoundedStream(
        ("a/+",), bounds=bounds, post=lambda f, *a: f(*a), on_close=lambda _: None
    )
    router.add(stream)
    deliveries = Deliveries(router)
    deliveries.begin(client)
    for mid in (1, 2, 3):
        deliveries.take(message(b"a/1", mid=mid))
    assert not deliveries.wants_rest, "there is no room yet"
    for _ in range(2):
        (await stream.receive()).ack()
    assert deliveries.wants_rest
    assert acknowledged == [1, 2]
    deliveries.begin(client)
    assert not deliveries.wants_rest
