"""What subscriptions promise, held to by the fake and by MQTT on mosquitto alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.errors import NotConnected, SignalingError
from agent.signaling.broker import Broker, MessageStream, StreamBounds
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from tests.faults.scripted_broker import SUBSCRIBE, UNSUBSCRIBE, Connection, ScriptedBroker
from tests.signaling.mqtt.harness import Harness, connected, until
from tests.waiting import PATIENCE


async def next_of(stream: MessageStream) -> bytes:
    """The payload of the next message, acknowledged."""
    async with asyncio.timeout(PATIENCE):
        message = await stream.receive()
    message.ack()
    return message.payload


@asynccontextmanager
async def pair(net: Harness) -> AsyncIterator[tuple[Broker, Broker]]:
    """The one who reads, and another one."""
    async with connected(net.client("a")) as a, connected(net.client("b")) as b:
        yield a, b


async def test_subscriptions_each_stream_gets_what_it_asked_for(net: Harness) -> None:
    a, b = net.client("a"), net.client("b")
    signals, commands = a.subscribe("s/+"), a.subscribe("c/+", "d/#")
    async with connected(a), connected(b):
        for topic in ("s/1", "c/1", "d", "d/1/2", "s/2"):
            await b.publish(topic, topic.encode())
        assert [await next_of(signals) for _ in range(2)] == [b"s/1", b"s/2"]
        assert [await next_of(commands) for _ in range(3)] == [b"c/1", b"d", b"d/1/2"]


async def test_subscriptions_stream_may_begin_while_connected(net: Harness) -> None:
    async with pair(net) as (a, b):
        stream = a.subscribe("x/+")
        await stream.wait_granted(PATIENCE)
        await b.publish("x/1", b"hello")
        assert await next_of(stream) == b"hello"


async def test_subscriptions_stream_may_begin_while_not_connected(net: Harness) -> None:
    async with pair(net) as (a, b):
        async with until(a, False), until(b, False):
            net.stop()
        stream = a.subscribe("x/+")
        with pytest.raises(NotConnected):
            await stream.wait_granted(0.01)
        net.start()
        await stream.wait_granted(PATIENCE)
        await b.wait_connected(PATIENCE)
        await b.publish("x/1", b"hello")
        assert await next_of(stream) == b"hello"


async def test_subscriptions_stream_that_began_late_is_subscribed_to_on_the_next_connection(
    net: Harness,
) -> None:
    async with pair(net) as (a, _):
        stream = a.subscribe("x/+")
        await stream.wait_granted(PATIENCE)
        async with until(a, False):
            net.stop()
        with pytest.raises(NotConnected):
            await stream.wait_granted(0.01)
        async with until(a, True):
            net.start()
        await stream.wait_granted(PATIENCE)
        await a.publish("x/1", b"after")
        assert await next_of(stream) == b"after"


async def test_subscriptions_closed_stream_gets_no_more(net: Harness) -> None:
    async with pair(net) as (a, b):
        ended, other = a.subscribe("x/+"), a.subscribe("y/+")
        await ended.wait_granted(PATIENCE)
        await other.wait_granted(PATIENCE)
        ended.close()
        ended.close()
        await b.publish("x/1", b"nobody")
        await b.publish("y/1", b"fence")
        assert await next_of(other) == b"fence"
        with pytest.raises(SignalingError, match="closed"):
            await ended.receive()


async def test_subscriptions_what_a_closed_stream_had_not_read_does_not_come_again(
    net: Harness,
) -> None:
    async with pair(net) as (a, b):
        ended = a.subscribe("x/+")
        await ended.wait_granted(PATIENCE)
        await b.publish("x/1", b"unread")
        other = a.subscribe("y/+")
        await other.wait_granted(PATIENCE)
        await b.publish("y/1", b"fence")
        assert await next_of(other) == b"fence"
        ended.close()
        async with until(a, True):
            net.lose(a)
        again = a.subscribe("x/+")
        await again.wait_granted(PATIENCE)
        await b.publish("x/1", b"new")
        assert await next_of(again) == b"new"


async def test_subscriptions_stream_that_ended_while_away_is_unsubscribed_from(
    net: Harness,
) -> None:
    """The session at the broker has its filter still."""
    async with pair(net) as (a, b):
        ended, other = a.subscribe("x/+"), a.subscribe("x/1")
        await ended.wait_granted(PATIENCE)
        await other.wait_granted(PATIENCE)
        async with until(a, True):
            net.lose(a)
            ended.close()
        await other.wait_granted(PATIENCE)
        await b.publish("x/2", b"nobody")
        await b.publish("x/1", b"fence")
        assert await next_of(other) == b"fence"


async def test_subscriptions_two_streams_of_one_filter_each_get_everything(net: Harness) -> None:
    async with pair(net) as (a, b):
        one, two = a.subscribe("x/+", qos=0), a.subscribe("x/+")
        await one.wait_granted(PATIENCE)
        await two.wait_granted(PATIENCE)
        await b.publish("x/1", b"1")
        assert (await next_of(one), await next_of(two)) == (b"1", b"1")
        one.close()
        await b.publish("x/1", b"2")
        assert await next_of(two) == b"2"


async def test_subscriptions_what_two_streams_share_is_kept_until_both_have_acknowledged(
    net: Harness,
) -> None:
    async with pair(net) as (a, b):
        one, two = a.subscribe("x/+"), a.subscribe("x/+")
        await one.wait_granted(PATIENCE)
        await two.wait_granted(PATIENCE)
        await b.publish("x/1", b"shared")
        assert await next_of(one) == b"shared"
        async with asyncio.timeout(PATIENCE):
            stale = await two.receive()
        async with until(a, True):
            net.lose(a)
        stale.ack()
        assert (await next_of(one), await next_of(two)) == (b"shared", b"shared")


async def test_subscriptions_new_stream_gets_what_is_retained(net: Harness) -> None:
    async with pair(net) as (a, b):
        await b.publish("x/status", b"online", retain=True)
        stream = a.subscribe("x/+")
        async with asyncio.timeout(PATIENCE):
            message = await stream.receive()
        assert (message.payload, message.retain) == (b"online", True)


@pytest.mark.parametrize("qos", [0, 1])
async def test_subscriptions_flood_in_one_stream_displaces_nothing_in_another(
    net: Harness, caplog: pytest.LogCaptureFixture, qos: int
) -> None:
    """Nobody reads the flooded one: neither its bound nor the broker's window hold up the other."""
    async with pair(net) as (a, b):
        bounds = StreamBounds(messages=100, qos_0=100)
        flooded, quiet = a.subscribe("x/+", bounds=bounds), a.subscribe("y/+")
        await flooded.wait_granted(PATIENCE)
        await quiet.wait_granted(PATIENCE)
        await asyncio.gather(*(b.publish("x/1", b"%d" % each, qos=qos) for each in range(300)))
        await b.publish("y/1", b"quiet")
        assert await next_of(quiet) == b"quiet"
        assert flooded.lost == 200
        assert [await next_of(flooded) for _ in range(100)] == [b"%d" % each for each in range(100)]
    assert sum("new ones are dropped" in line for line in caplog.messages) == 1


async def test_subscriptions_leaving_ends_every_stream_after_what_has_arrived(net: Harness) -> None:
    async with pair(net) as (a, b):
        stream, other = a.subscribe("x/+"), a.subscribe("y/+")
        await stream.wait_granted(PATIENCE)
        await other.wait_granted(PATIENCE)
        await b.publish("x/1", b"last")
        await b.publish("y/1", b"fence")
        assert await next_of(other) == b"fence"
    assert await next_of(stream) == b"last"
    for each in (stream, other, a.subscribe("z/+")):
        with pytest.raises(SignalingError, match="closed"):
            await each.receive()


async def test_subscriptions_what_arrived_for_an_earlier_session_waits_for_its_stream(
    net: Harness,
) -> None:
    async with connected(net.client("b")) as b:
        a = net.client("a")
        a.subscribe("x/+")
        async with connected(a):
            pass
        await b.publish("x/1", b"while you were away")
        a = net.client("a")
        stream = a.subscribe("x/+")
        async with connected(a):
            assert await next_of(stream) == b"while you were away"


async def test_subscriptions_renewed_are_asked_for_twice_before_the_connection_counts() -> None:
    """Some brokers give what is retained to a new subscription only."""
    renewing, go_on, asked = asyncio.Event(), asyncio.Event(), []

    async def first(connection: Connection) -> None:
        await connection.accept()
        await connection.subscribed()

    async def cut(connection: Connection) -> None:
        await connection.accept(session_present=True)
        await connection.subscribed()
        await connection.read(UNSUBSCRIBE)

    async def renewed(connection: Connection) -> None:
        await connection.accept(session_present=True)
        asked.append((await connection.subscribed()).filters)
        connection.unsuback(await connection.read(UNSUBSCRIBE))
        packet = await connection.read(SUBSCRIBE)
        asked.append(packet.filters)
        renewing.set()
        await go_on.wait()
        connection.suback(packet)
        await connection.hung_up()

    async with ScriptedBroker([first, cut, renewed]) as broker:
        client = MqttBroker(MqttOptions(port=broker.port, retry_first=0.02, retry_longest=0.05))
        client.subscribe("x/status", "x/other")
        client.on_connection(lambda up: None if up else client.renew("x/status", "never/wanted"))
        async with client:
            async with asyncio.timeout(PATIENCE):
                await renewing.wait()
            assert not client.connected
            go_on.set()
            await client.wait_connected(PATIENCE)
    assert asked == [(("x/status", 1), ("x/other", 1)), (("x/status", 1),)]
