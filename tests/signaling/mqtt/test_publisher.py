"""What becomes of messages that a broker takes, refuses, or says nothing of; time is skipped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from agent.core.call.delivery import Delivery
from agent.errors import SignalingError
from agent.signaling.mqtt import publisher
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.mqtt.puback import PubAck
from agent.signaling.mqtt.publish_queue import Outgoing, consume
from agent.signaling.mqtt.publisher import OVERTAKEN_AFTER, UNANSWERED_AFTER, Publisher, Wire
from agent.signaling.mqtt.suspects import FIRST_RETRY, MAX_LOSSES, SET_ASIDE, UNANSWERED
from agent.signaling.mqtt.terms import Terms
from tests.waiting import until


class Bench:
    """A publisher, what it has handed over, and its clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[str] = []
        self.payloads: list[bytes] = []
        self.forgotten = 0
        self.now = 100.0
        self._ids = count(1)
        self.publisher = Publisher(MqttOptions(), Wire(self._send, self._forget))
        monkeypatch.setattr(Publisher, "_now", staticmethod(lambda: self.now))

    def _send(self, message: Outgoing, _expiry: int | None) -> int:
        self.sent.append(message.topic)
        self.payloads.append(message.payload)
        return next(self._ids)

    def _forget(self) -> None:
        self.forgotten += 1

    def publish(
        self, topic: str, qos: int = 1, payload: bytes = b"", *, retain: bool = False
    ) -> asyncio.Future[Delivery]:
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(consume)
        self.publisher.publish(Outgoing(topic, payload, qos, retain, future))
        return future

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.publisher._look()


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


@pytest.fixture(autouse=True)
def closed(bench: Bench) -> Iterator[None]:
    yield
    bench.publisher.close()


async def test_publisher_message_that_is_never_acknowledged_is_given_up(bench: Bench) -> None:
    bench.publisher.up(Terms())
    silent, other = bench.publish("x"), bench.publish("x")
    bench.pass_time(UNANSWERED_AFTER - 0.1)
    assert not silent.done()
    bench.pass_time(0.1)
    for future in (silent, other):
        with pytest.raises(SignalingError, match=UNANSWERED):
            await future
    assert bench.publisher.refused_topics == {"x": UNANSWERED}
    with pytest.raises(SignalingError, match=UNANSWERED):
        await bench.publish("x")
    assert bench.sent == ["x", "x"], "and nothing more is sent to it"


async def test_publisher_message_that_others_overtake_is_given_up_soon(bench: Bench) -> None:
    bench.publisher.up(Terms())
    silent = bench.publish("x")
    bench.now += OVERTAKEN_AFTER
    later = bench.publish("y")
    bench.publisher.published(2, PubAck())
    await later
    with pytest.raises(SignalingError, match=UNANSWERED):
        await silent


async def test_publisher_late_acknowledgement_makes_good(bench: Bench) -> None:
    bench.publisher.up(Terms())
    bench.publish("x")
    bench.pass_time(UNANSWERED_AFTER)
    bench.publisher.published(1, PubAck())
    assert bench.publisher.refused_topics == {}
    again = bench.publish("x")
    bench.publisher.published(2, PubAck())
    await again


async def test_publisher_what_was_given_up_does_not_come_with_the_next_connection(
    bench: Bench,
) -> None:
    bench.publisher.up(Terms())
    bench.publish("x")
    bench.pass_time(UNANSWERED_AFTER - OVERTAKEN_AFTER)
    waits = bench.publish("y")
    bench.pass_time(OVERTAKEN_AFTER)
    bench.publisher.down(cut=False)
    assert bench.forgotten == 1
    bench.publisher.up(Terms())
    assert bench.sent == ["x", "y", "y"]
    bench.publisher.published(3, PubAck())
    await waits


async def test_publisher_counts_from_the_connection_on_which_it_goes_again(bench: Bench) -> None:
    bench.publisher.up(Terms())
    slow = bench.publish("x")
    bench.publisher.down(cut=False)
    bench.pass_time(1000.0)
    bench.publisher.up(Terms())
    bench.pass_time(UNANSWERED_AFTER - 1)
    assert not slow.done()
    bench.publisher.published(1, PubAck())
    await slow


async def test_publisher_sets_aside_what_the_connection_is_cut_for(bench: Bench) -> None:
    forbidden = bench.publish("x")
    waits = bench.publish("y")
    for _ in range(3):
        bench.publisher.up(Terms())
        bench.publisher.down(cut=True)
    with pytest.raises(SignalingError, match=SET_ASIDE):
        await forbidden
    bench.publisher.up(Terms())
    assert bench.sent[-1] == "y"
    assert not waits.done()


async def test_publisher_sends_the_latest_again_once_its_topic_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "AGAIN_AFTER", 0.0)
    bench.publish("x", payload=b"1", retain=True)
    for _ in range(3):
        bench.publisher.up(Terms())
        bench.publisher.down(cut=True)
    bench.publisher.up(Terms())
    with pytest.raises(SignalingError, match=SET_ASIDE):
        await bench.publish("x", payload=b"2", retain=True)
    with pytest.raises(SignalingError, match=SET_ASIDE):
        await bench.publish("x", payload=b"of the moment")
    sent = len(bench.sent)
    bench.now += FIRST_RETRY
    bench.publisher._try_later()
    await until(lambda: len(bench.sent) > sent)
    assert bench.payloads[-1] == b"2"
    bench.publisher.published(len(bench.sent), PubAck())
    assert bench.publisher.refused_topics == {}
    assert bench.publisher._again is None


async def test_publisher_holds_nothing_that_was_said_anew(bench: Bench) -> None:
    bench.publish("x", retain=True)
    for _ in range(3):
        bench.publisher.up(Terms())
        bench.publisher.down(cut=True)
    bench.publisher.rival_stands(True)
    bench.publisher.up(Terms())
    assert bench.publisher._again is not None
    bench.publish("x", payload=b"2", retain=True)
    assert bench.publisher._held == {}


async def test_publisher_starts_afresh_where_it_is_cut_before_the_broker_consents(
    bench: Bench,
) -> None:
    bench.publisher.up(Terms())
    bench.publish("x")
    bench.publisher.down(cut=True)
    # paho sends it again as MQTT wants it, with the same id (4.4)
    assert bench.forgotten == 0
    bench.publisher.down(cut=True)
    assert bench.forgotten == 1
    bench.publisher.up(Terms())
    assert bench.sent == ["x", "x"]


async def test_publisher_loses_no_connection_more_to_what_goes_behind_another_one(
    bench: Bench,
) -> None:
    """The worst order: what is forbidden goes behind what the broker has yet to acknowledge."""
    bench.publisher.up(Terms())
    bench.publish("taken")
    forbidden, losses = bench.publish("forbidden"), 0
    while not forbidden.done():
        bench.publisher.down(cut=True)
        losses += 1
        bench.publisher.up(Terms())
        if bench.sent[-1] == "taken":
            bench.publisher.published(len(bench.sent), PubAck())
    assert losses == MAX_LOSSES
    assert [*bench.publisher.refused_topics] == ["forbidden"]


async def test_publisher_of_qos_0_needs_a_connection(bench: Bench) -> None:
    with pytest.raises(SignalingError, match="not connected"):
        await bench.publish("x", qos=0)
    bench.publisher.up(Terms())
    await bench.publish("x", qos=0)


async def test_publisher_close_fails_what_is_left(bench: Bench) -> None:
    bench.publisher.up(Terms(inflight=1))
    left = [bench.publish("x"), bench.publish("y")]
    await bench.publisher.flush(0.01)
    bench.publisher.close()
    for future in left:
        with pytest.raises(SignalingError, match="closed before"):
            await future
