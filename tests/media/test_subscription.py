from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import MediaEnded
from agent.media.subscription import (
    AudioQueueSubscription,
    DecodableQueue,
    DroppingQueue,
    VideoQueueSubscription,
)
from agent.ports import AccessUnit, AudioPacket, VideoFormat
from tests.fakes.video import access_unit

# What happens to a queue: a key frame comes, another picture comes, or the reader takes one.
steps = st.lists(st.sampled_from(["key", "delta", "get"]), max_size=200)


@given(steps, st.integers(1, 9))
def test_decodable_queue_gives_only_what_can_be_decoded(happenings: list[str], length: int) -> None:
    queue = DecodableQueue(length)
    taken: list[int] = []
    keys: set[int] = set()
    number = 0
    for step in happenings:
        if step == "get":
            unit = queue.get()
            if unit is not None:
                taken.append(unit.pts // 3000)
        else:
            if step == "key":
                keys.add(number)
            queue.put(access_unit(number, key=step == "key"))
            number += 1
        assert len(queue) <= length
    assert not taken or taken[0] in keys
    for earlier, later in itertools.pairwise(taken):
        assert later == earlier + 1 or (later > earlier and later in keys)


@given(steps, st.integers(1, 9))
def test_decodable_queue_accounts_for_every_unit(happenings: list[str], length: int) -> None:
    queue = DecodableQueue(length)
    put = taken = 0
    begun = False
    for step in happenings:
        if step == "get":
            taken += queue.get() is not None
            continue
        begun = begun or step == "key"
        put += begun
        queue.put(access_unit(put, key=step == "key"))
    assert put == taken + queue.dropped + len(queue)


def test_decodable_queue_overflow_clears_and_waits_for_the_next_key_frame() -> None:
    queue = DecodableQueue(3)
    queue.put(access_unit(0, key=True))
    for number in range(1, 5):
        queue.put(access_unit(number))
    assert len(queue) == 0
    assert queue.needs_keyframe
    assert queue.dropped == 5
    queue.put(access_unit(5, key=True))
    assert not queue.needs_keyframe
    first = queue.get()
    assert first is not None
    assert first.keyframe


def test_dropping_queue_drops_the_oldest() -> None:
    queue: DroppingQueue[int] = DroppingQueue(2)
    for number in range(4):
        queue.put(number)
    assert [queue.get(), queue.get(), queue.get()] == [2, 3, None]
    assert queue.dropped == 2


def subscription(closed: list[VideoQueueSubscription] | None = None) -> VideoQueueSubscription:
    ended = closed if closed is not None else []
    return VideoQueueSubscription(
        get_format=lambda: VideoFormat(1280, 720, 30.0),
        on_request=lambda: None,
        on_demand=lambda: None,
        on_end=lambda subscription, _waited: ended.append(subscription),
    )


async def test_video_subscription_next_waits_for_a_unit() -> None:
    waiting = subscription()
    task = asyncio.create_task(waiting.next())
    await asyncio.sleep(0)
    unit = access_unit(0, key=True)
    waiting.put(unit)
    assert await task is unit


async def test_video_subscription_close_wakes_the_reader_and_drops_the_queue() -> None:
    closed: list[VideoQueueSubscription] = []
    waiting = subscription(closed)
    task = asyncio.create_task(waiting.next())
    await asyncio.sleep(0)
    waiting.close()
    waiting.close()
    with pytest.raises(MediaEnded, match="closed"):
        await task
    waiting.put(access_unit(0, key=True))
    with pytest.raises(MediaEnded):
        await waiting.next()
    assert closed


async def test_video_subscription_keeps_the_first_reason_of_its_end() -> None:
    waiting = subscription()
    waiting.end(MediaEnded("the camera was unplugged"))
    waiting.close()
    with pytest.raises(MediaEnded, match="unplugged"):
        await waiting.next()


async def test_audio_subscription_reads_and_ends() -> None:
    sound = AudioQueueSubscription(on_close=lambda _: None, length=2)
    packets = [AudioPacket(b"x", number * 960, 0.0) for number in range(3)]
    for packet in packets:
        sound.put(packet)
    assert [await sound.next(), await sound.next()] == packets[1:]
    assert sound.dropped == 1
    sound.close()
    with pytest.raises(MediaEnded):
        await sound.next()


def test_access_unit_fake_is_what_the_port_says() -> None:
    assert isinstance(access_unit(0, key=True), AccessUnit)
