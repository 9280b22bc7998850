"""Bounded streams, and which message goes into which: what no broker is needed for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from agent.core.policy.throttle import Admits, MessageRate, Throttle, ThrottleOptions
from agent.counts import RefusalKind, refusals
from agent.signaling.broker import Incoming, StreamBounds
from agent.signaling.router import BoundedStream, Router

LEVELS = st.sampled_from(["", "a", "b", "a.b", "$SYS"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
FILTERS = st.tuples(
    st.lists(LEVELS | st.just("+"), max_size=3), st.sampled_from([["#"], ["+"], ["a"]])
).map(lambda parts: "/".join([*parts[0], *parts[1]]))


def stream(
    *filters: str,
    bounds: StreamBounds | None = None,
    throttle: Admits | None = None,
    qos: int = 1,
) -> BoundedStream:
    def post(function: Callable[..., None], *arguments: object) -> None:
        function(*arguments)

    return BoundedStream(
        filters or ("x/+",),
        qos=qos,
        bounds=bounds,
        throttle=throttle,
        post=post,
        on_close=lambda _: None,
    )


def incoming(payload: bytes = b"", qos: int = 1) -> tuple[Incoming, list[None]]:
    acks: list[None] = []
    on_ack = (lambda: acks.append(None)) if qos else None
    return Incoming("x/1", payload, qos, on_ack=on_ack), acks


@given(FILTERS, TOPICS)
def test_stream_matches_what_mqtt_says(topic_filter: str, topic: str) -> None:
    assert stream(topic_filter).matches(topic) == topic_matches_sub(topic_filter, topic)


def test_stream_of_a_shared_subscription_matches_as_its_filter_does() -> None:
    shared = stream("$share/group/a/+/b")
    assert shared.matches("a/x/b")
    assert not shared.matches("a/x/c")


async def test_stream_is_first_in_first_out() -> None:
    read = stream()
    for payload in (b"1", b"2"):
        read.put(incoming(payload)[0])
    assert [(await read.receive()).payload for _ in range(2)] == [b"1", b"2"]


async def test_stream_leaves_room_beside_what_may_get_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read = stream(bounds=StreamBounds(messages=10, qos_0=3))
    for _ in range(8):
        read.put(incoming(b"0", qos=0)[0])
    assert read.lost == 5
    read.put(incoming(b"1")[0])
    assert read.lost == 5
    assert [(await read.receive()).payload for _ in range(4)] == [b"0", b"0", b"0", b"1"]
    assert len(caplog.messages) == 1


async def test_stream_acknowledges_what_it_drops_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read = stream(bounds=StreamBounds(messages=8))
    waiting = [incoming() for _ in range(8)]
    for message, _ in waiting:
        read.put(message)
    late, acks = incoming()
    read.put(late)
    assert acks == [None]
    assert not any(acks for _, acks in waiting)
    (await read.receive()).ack()
    assert waiting[0][1] == [None]
    read.put(incoming()[0])
    read.put(incoming()[0])
    assert read.lost == 2
    # once for each time that it fills
    assert len(caplog.messages) == 2


async def test_stream_counts_bytes_too() -> None:
    read = stream(bounds=StreamBounds(size=100))
    for _ in range(2):
        read.put(incoming(b"x" * 50)[0])
    read.put(incoming(b"x")[0])
    assert read.lost == 1
    await read.receive()
    read.put(incoming(b"x" * 50)[0])
    assert read.lost == 1


async def test_stream_keeps_few_at_the_broker() -> None:
    """A reader that stalls holds `unacknowledged` of the connection's window, and no more."""
    read = stream(bounds=StreamBounds(unacknowledged=2))
    sent = [incoming() for _ in range(4)]
    for message, _ in sent:
        read.put(message)
    assert [len(acks) for _, acks in sent] == [0, 0, 1, 1]
    for _ in sent:
        (await read.receive()).ack()
    assert [len(acks) for _, acks in sent] == [1, 1, 1, 1]
    message, acks = incoming()
    read.put(message)
    assert not acks


async def test_stream_acknowledges_what_was_not_read_when_it_is_closed() -> None:
    read = stream()
    before, acks_before = incoming()
    read.put(before)
    read.close()
    after, acks_after = incoming()
    read.put(after)
    assert (acks_before, acks_after) == ([None], [None])
    assert read.lost == 0


def test_router_acknowledges_what_nobody_reads() -> None:
    message, acks = incoming()
    Router().dispatch(message, [])
    assert acks == [None]


async def test_router_acknowledges_a_shared_message_once_all_have() -> None:
    router, one, two = Router(), stream("x/+"), stream("x/1")
    router.add(one)
    router.add(two)
    message, acks = incoming()
    router.dispatch(message, router.readers(message.topic, 0))
    (await one.receive()).ack()
    assert not acks
    (await two.receive()).ack()
    assert acks == [None]


def test_router_counts_what_a_throttle_refuses() -> None:
    rate = MessageRate(messages=0, size=0, burst_messages=2, burst_size=100)
    limited = stream("x/+", throttle=Throttle(ThrottleOptions(sender=rate)).by(lambda: 0.0))
    other = stream("x/#")
    router, before = Router(), refusals.totals()[RefusalKind.MESSAGE]
    router.add(limited)
    router.add(other)
    assert [router.readers("x/1", 10) for _ in range(3)] == [[limited, other]] * 2 + [[other]]
    assert router.readers("x/2", 10) == [limited, other]
    assert router.readers("x/2", 91) == [other]
    assert refusals.totals()[RefusalKind.MESSAGE] == before + 2


def test_router_knows_the_streams_of_a_topic_anew_when_they_change() -> None:
    router, first, second = Router(), stream("x/+"), stream("x/1")
    router.add(first)
    assert router.readers("x/1", 1) == [first]
    router.add(second)
    assert router.readers("x/1", 1) == [first, second]
    router.remove(first)
    assert router.readers("x/1", 1) == [second]


def test_router_remembers_few_topics() -> None:
    router, read = Router(), stream("x/+")
    router.add(read)
    for number in range(10_000):
        assert router.readers(f"x/{number}", 1) == [read]
    assert len(router._known) <= 256


def test_router_wants_the_highest_of_its_streams() -> None:
    router = Router()
    low, high = stream("x/+", qos=0), stream("x/+", "y/+")
    router.add(low)
    router.add(high)
    assert router.wanted("x/+") == (1, False)
    assert router.remove(high) == ("y/+",)
    assert router.wanted("x/+") == (0, False)
    assert router.remove(low) == ("x/+",)


async def test_stream_that_holds_back_is_full_and_drops_nothing() -> None:
    # also where more has come than may be kept: what is acknowledged unread is lost
    held = stream(bounds=StreamBounds(messages=2, qos_0=1, unacknowledged=1, hold_back=True))
    router = Router()
    router.add(held)
    acknowledged = []
    for number in range(3):
        message, acks = incoming()
        acknowledged.append(acks)
        held.put(message)
        assert router.full is (number >= 1)
    held.put(incoming(qos=0)[0])
    assert (held.lost, acknowledged) == (1, [[], [], []])
    await held.receive()
    await held.receive()
    assert not router.full


async def test_stream_that_holds_back_leaves_what_is_beyond_twice_its_bounds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    held = stream(bounds=StreamBounds(messages=2, size=100, hold_back=True))
    router = Router()
    router.add(held)
    sent = [incoming() for _ in range(6)]
    taken = [router.dispatch(message, [held]) for message, _ in sent]
    assert taken == [True] * 4 + [False] * 2
    assert not router.dispatch(incoming(bytes(201))[0], [held])
    # neither lost nor acknowledged: it comes again
    assert (held.lost, held.deferred) == (0, 3)
    assert [acks for _, acks in sent] == [[]] * 6
    assert len(caplog.messages) == 1
