"""Retained things are said on every connect, and on each change."""

from __future__ import annotations

from agent.device.retained import Retained
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork


def said(network: FakeNetwork) -> list[tuple[str, bytes, bool]]:
    return [(each.topic, each.payload, each.retain) for each in network.published]


async def test_retained_said_before_the_connection_is_published_at_it() -> None:
    network = FakeNetwork()
    broker = FakeBroker(network, "door-1")
    retained = Retained(broker)
    await retained.say("a", b"1")
    assert said(network) == []
    async with broker:
        await broker.wait_connected(30)
        assert said(network) == [("a", b"1", True)]


async def test_retained_changed_while_away_is_the_last_alone() -> None:
    network = FakeNetwork()
    broker = FakeBroker(network, "door-1")
    retained = Retained(broker)
    async with broker:
        await broker.wait_connected(30)
        await retained.say("a", b"1")
        network.stop()
        for payload in (b"2", b"3"):
            await retained.say("a", payload)
        network.start()
        await broker.wait_connected(30)
    assert said(network) == [("a", b"1", True), ("a", b"3", True)]


async def test_retained_of_several_topics_is_said_in_order_on_each_connect() -> None:
    network = FakeNetwork()
    broker = FakeBroker(network, "door-1")
    retained = Retained(broker)
    for topic in ("b", "a"):
        await retained.say(topic, topic.encode())
    async with broker:
        await broker.wait_connected(30)
        broker.drop()
        await broker.wait_connected(30)
    assert [topic for topic, _, _ in said(network)] == ["b", "a", "b", "a"]


async def test_retained_that_is_forgotten_is_said_no_more() -> None:
    network = FakeNetwork()
    broker = FakeBroker(network, "door-1")
    retained = Retained(broker)
    for topic in ("a", "b"):
        await retained.say(topic, topic.encode())
    retained.forget("a")
    retained.forget("nothing")
    async with broker:
        await broker.wait_connected(30)
    assert [topic for topic, _, _ in said(network)] == ["b"]
