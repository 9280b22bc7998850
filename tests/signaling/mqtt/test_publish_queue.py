"""What waits to be sent."""

from __future__ import annotations

import asyncio

import pytest

from agent.errors import SignalingError
from agent.signaling.mqtt.publish_queue import Outgoing, PublishQueue


def outgoing(payload: bytes, expires_at: float | None = None) -> Outgoing:
    return Outgoing("t", payload, 1, False, asyncio.get_running_loop().create_future(), expires_at)


async def test_publish_queue_first_in_first_out_and_the_newest_is_refused() -> None:
    queue = PublishQueue(max_messages=2, max_bytes=100)
    first, second, third = outgoing(b"1"), outgoing(b"2"), outgoing(b"3")
    assert queue.put(first)
    assert queue.put(second)
    assert not queue.put(third)
    assert queue.take(0) == (first, [])
    assert queue.put(third)
    queue.put_back(first)
    assert [queue.take(0)[0] for _ in range(4)] == [first, second, third, None]


async def test_publish_queue_bytes_are_counted_too() -> None:
    queue = PublishQueue(max_messages=10, max_bytes=10)
    assert queue.put(outgoing(b"x" * 6))
    assert not queue.put(outgoing(b"x" * 5))
    assert queue.put(outgoing(b"x" * 4))
    queue.take(0)
    assert queue.put(outgoing(b"x" * 6))
    assert len(queue.clear()) == 2
    assert len(queue) == 0
    assert queue.put(outgoing(b"x" * 10))


async def test_publish_queue_what_has_expired_is_set_aside() -> None:
    queue = PublishQueue(max_messages=10, max_bytes=10)
    late, lasting, timely = outgoing(b"l", 5.0), outgoing(b"k"), outgoing(b"t", 5.1)
    for message in (late, lasting, timely):
        queue.put(message)
    assert queue.take(5.0) == (lasting, [late])
    assert queue.take(5.0) == (timely, [])
    assert queue.take(5.0) == (None, [])


async def test_publish_queue_put_back_goes_first_in_its_order() -> None:
    queue = PublishQueue(max_messages=3, max_bytes=100)
    messages = [outgoing(b"%d" % number) for number in range(3)]
    for each in messages:
        queue.put(each)
    taken = [queue.take(0)[0] for _ in range(2)]
    queue.put_back(*[each for each in taken if each is not None])
    assert [queue.take(0)[0] for _ in range(3)] == messages


async def test_publish_queue_remove_takes_out_one_topic() -> None:
    queue = PublishQueue(max_messages=10, max_bytes=10)
    kept, removed = outgoing(b"x" * 4), outgoing(b"x" * 6)
    removed.topic = "forbidden"
    queue.put(kept)
    queue.put(removed)
    assert queue.remove("forbidden") == [removed]
    assert queue.put(outgoing(b"x" * 6)), "its bytes are free again"
    assert queue.take(0)[0] is kept


async def test_publish_queue_full_is_said_once_until_there_is_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = PublishQueue(max_messages=1, max_bytes=100)
    queue.put(outgoing(b""))
    for _ in range(3):
        queue.put(outgoing(b""))
    assert caplog.text.count("the queue to the broker is full (1 messages)") == 1
    queue.take(0)
    queue.put(outgoing(b""))
    queue.put(outgoing(b""))
    assert caplog.text.count("the queue to the broker is full (1 messages)") == 2


@pytest.mark.parametrize(("limit", "fits"), [(10_000, True), (999, False)])
async def test_outgoing_that_is_too_large_fails(limit: int, fits: bool) -> None:
    message = outgoing(b"x" * 1000)
    assert message.fits(limit) is fits
    if not fits:
        with pytest.raises(SignalingError, match="more than the broker takes"):
            await message.future
