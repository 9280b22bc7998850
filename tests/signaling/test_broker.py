"""What the broker port promises, held to by the fake and by MQTT on mosquitto alike."""

from __future__ import annotations

import asyncio

import pytest

from agent.core.call.delivery import Delivery
from agent.errors import NotConnected, SignalingError
from agent.signaling.broker import Incoming, Will
from tests.signaling.mqtt.harness import Harness, connected, peek, read, until
from tests.waiting import PATIENCE


async def test_broker_message_arrives_and_is_acknowledged(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a, connected(net.client("b")) as b:
        await b.publish("x/1", b"hello")
        message = await read(a)
    assert (message.topic, message.payload, message.qos, message.retain) == (
        "x/1",
        b"hello",
        1,
        False,
    )
    assert (message.response_topic, message.correlation_data) == (None, None)


async def test_broker_quality_of_service_is_the_lower_of_both_sides(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a, connected(net.client("b")) as b:
        await b.publish("x/1", b"hello", qos=0)
        assert (await read(a)).qos == 0


async def test_broker_response_topic_and_correlation_data_arrive_untouched(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a, connected(net.client("b")) as b:
        await b.publish("x/1", b"", response_topic="replies/b", correlation_data=b"\x00\xff\x01")
        message = await read(a)
    assert (message.response_topic, message.correlation_data) == ("replies/b", b"\x00\xff\x01")


async def test_broker_retained_message_waits_for_a_subscriber(net: Harness) -> None:
    async with connected(net.client("b")) as b:
        await b.publish("x/status", b"online", retain=True)
        async with connected(net.client("a", "x/+")) as a:
            message = await read(a)
    assert (message.payload, message.retain) == (b"online", True)


async def test_broker_retained_message_is_marked_for_those_who_were_there_too(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a, connected(net.client("b")) as b:
        await b.publish("x/status", b"online", retain=True)
        assert (await read(a)).retain


async def test_broker_retained_signals_and_commands_are_not_asked_for(net: Harness) -> None:
    async with connected(net.client("b")) as b:
        await b.publish("p/a/signal/b", b"old", retain=True)
        await b.publish("p/a/command/open", b"old", retain=True)
        async with connected(net.client("a", "p/a/signal/+", "p/a/command/+")) as a:
            await b.publish("p/a/signal/b", b"new")
            assert (await read(a)).payload == b"new"


async def test_broker_will_is_said_for_a_client_that_died(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a:
        will = Will("x/status", b"offline")
        async with connected(net.client("b", will=will, comes_back=False)) as b:
            net.lose(b)
            message = await read(a)
    assert (message.topic, message.payload, message.retain) == ("x/status", b"offline", True)


async def test_broker_will_stays_unsaid_after_a_goodbye(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a:
        async with connected(net.client("b", will=Will("x/status", b"offline"))):
            pass
        await a.publish("x/fence", b"fence")
        assert (await read(a)).payload == b"fence"


async def test_broker_delayed_will_stays_unsaid_when_the_client_comes_back(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a:
        will = Will("x/status", b"offline", delay=1)
        async with connected(net.client("b", will=will)) as b:
            async with until(b, True):
                net.lose(b)
            await net.pass_time(1.5)
            await a.publish("x/fence", b"fence")
            assert (await read(a)).payload == b"fence"


async def test_broker_what_was_not_acknowledged_comes_again(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a, connected(net.client("b")) as b:
        await b.publish("x/1", b"dealt with")
        await b.publish("x/2", b"not yet")
        await read(a)
        stale = await peek(a)
        # once this is acknowledged, so is what went before it
        await a.publish("elsewhere", b"")
        async with until(a, True):
            net.lose(a)
        again = await peek(a)
        assert (again.topic, again.payload) == ("x/2", b"not yet")
        # of the connection that is gone: harmless, and without effect
        stale.ack()
        again.ack()
        again.ack()
        await b.publish("x/4", b"fence")
        assert (await read(a)).payload == b"fence"


async def test_broker_messages_wait_for_a_client_that_is_away(net: Harness) -> None:
    async with connected(net.client("b")) as b:
        async with connected(net.client("a", "x/+")):
            pass
        await b.publish("x/1", b"while you were away")
        async with connected(net.client("a", "x/+")) as a:
            assert (await read(a)).payload == b"while you were away"


async def test_broker_expired_message_is_not_delivered(net: Harness) -> None:
    async with connected(net.client("b")) as b:
        async with connected(net.client("a", "x/+")):
            pass
        await b.publish("x/1", b"short-lived", expiry=1)
        await b.publish("x/1", b"lasting", expiry=100)
        await net.pass_time(1.5)
        async with connected(net.client("a", "x/+")) as a:
            assert (await read(a)).payload == b"lasting"


async def test_broker_message_that_expires_before_it_could_be_sent_is_given_up(
    net: Harness,
) -> None:
    async with connected(net.client("a", "x/+")) as a:
        async with until(a, False):
            net.stop()
        late = a.publish("x/1", b"short-lived", expiry=1)
        a.publish("x/1", b"lasting")
        await net.pass_time(1.5)
        net.start()
        assert (await read(a)).payload == b"lasting"
        with pytest.raises(SignalingError, match="expired"):
            await late


async def test_broker_subscriptions_survive_a_broker_that_forgot_them(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a:
        async with until(a, False):
            net.stop()
        async with until(a, True):
            net.start()
        await a.publish("x/1", b"after")
        assert (await read(a)).payload == b"after"


async def test_broker_what_is_published_offline_arrives_later_and_in_order(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a:
        async with until(a, False):
            net.stop()
        sent = [a.publish("x/1", str(number).encode()) for number in range(50)]
        assert not any(future.done() for future in sent)
        net.start()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*sent)
        assert [int((await read(a)).payload) for _ in range(50)] == list(range(50))


async def test_broker_full_queue_refuses_the_newest(net: Harness) -> None:
    async with connected(net.client("a", "x/+", max_queued=3)) as a:
        async with until(a, False):
            net.stop()
        kept = [a.publish("x/1", str(number).encode()) for number in range(3)]
        with pytest.raises(SignalingError, match="full"):
            await a.publish("x/1", b"one too many")
        net.start()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*kept)
        assert [(await read(a)).payload for _ in range(3)] == [b"0", b"1", b"2"]


async def test_broker_quality_0_is_dropped_while_offline(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a:
        async with until(a, False):
            net.stop()
        with pytest.raises(NotConnected):
            await a.publish("x/1", b"stats", qos=0)
        async with until(a, True):
            net.start()
        await a.publish("x/1", b"fence")
        assert (await read(a)).payload == b"fence"


async def test_broker_topic_that_cannot_be_is_an_error_in_the_future(net: Harness) -> None:
    async with connected(net.client("a")) as a:
        with pytest.raises(SignalingError):
            await a.publish("x/+", b"")
        await a.publish("x/1", b"the connection is as it was")


async def test_broker_that_is_not_there_is_no_error(net: Harness) -> None:
    net.stop()
    async with net.client("a") as a:
        assert not a.connected
        with pytest.raises(NotConnected):
            await a.wait_connected(0.1)
        net.start()
        await a.wait_connected(PATIENCE)
        assert a.connected


async def test_broker_leaving_sends_what_is_queued(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a:
        async with net.client("b") as b:
            sent = [b.publish("x/1", str(number).encode()) for number in range(40)]
        assert all(future.done() and future.exception() is None for future in sent)
        assert [int((await read(a)).payload) for _ in range(40)] == list(range(40))


async def test_broker_leaving_without_a_broker_gives_up_what_is_queued(net: Harness) -> None:
    async with connected(net.client("a", "x/+")) as a:
        async with until(a, False):
            net.stop()
        future = a.publish("x/1", b"lost")
    assert not a.connected
    with pytest.raises(SignalingError):
        await future
    with pytest.raises(SignalingError, match="closed"):
        await a.publish("x/1", b"too late")
    with pytest.raises(SignalingError, match="closed"):
        await peek(a)


async def test_broker_each_change_of_the_connection_is_told(net: Harness) -> None:
    changes: list[bool] = []
    removed: list[bool] = []

    def faulty(_connected: bool) -> None:
        raise RuntimeError("a callback's own fault")

    async with net.client("a") as a:
        a.on_connection(faulty)
        a.on_connection(changes.append)
        remove = a.on_connection(removed.append)
        async with until(a, True):
            pass
        remove()
        remove()
        async with until(a, False):
            net.stop()
        async with until(a, True):
            net.start()
    assert changes == [True, False, True]
    assert removed == [True]


def test_broker_incoming_is_acknowledged_once() -> None:
    acknowledged: list[str] = []
    message = Incoming("x", b"", 1, on_ack=lambda: acknowledged.append("x"))
    message.ack()
    message.ack()
    assert acknowledged == ["x"]
    # of QoS 0
    Incoming("x", b"").ack()


async def test_broker_says_whether_somebody_gets_a_message(net: Harness) -> None:
    async with connected(net.client("b")) as b:
        assert await b.publish("x/1", b"to nobody") is Delivery.UNHEARD
        assert await b.publish("x/1", b"kept", retain=True) is Delivery.UNHEARD
        async with connected(net.client("a", "x/+")):
            assert await b.publish("x/1", b"to a") is Delivery.TAKEN
            assert await b.publish("x/1", b"who knows", qos=0) is Delivery.TAKEN
        # its session waits for it
        assert await b.publish("x/1", b"while a is away") is Delivery.TAKEN


async def test_broker_says_of_what_waited_who_gets_it_once_it_was_sent(net: Harness) -> None:
    async with connected(net.client("b")) as b:
        async with until(b, False):
            net.stop()
        waiting = b.publish("x/1", b"to nobody")
        net.start()
        async with asyncio.timeout(PATIENCE):
            assert await waiting is Delivery.UNHEARD
