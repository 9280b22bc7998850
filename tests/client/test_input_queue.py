"""What waits for a conversation: in order, bounded, and answered at the end."""

from __future__ import annotations

import asyncio

import pytest

from agent.client.input_queue import LIMIT, InputQueue, Item
from agent.core.call import events as ev
from agent.errors import InvalidStateError

FIRST, SECOND = ev.IceConnected(0), ev.PeerConnected(0)


@pytest.fixture
async def queue() -> InputQueue:
    return InputQueue(asyncio.get_running_loop().time)


async def test_input_queue_gives_items_in_order(queue: InputQueue) -> None:
    queue.put(Item(FIRST))
    queue.put(Item(SECOND))
    assert [(await queue.next(None)).event for _ in range(2)] == [FIRST, SECOND]


async def test_input_queue_wakes_whoever_waits(queue: InputQueue) -> None:
    waiting = asyncio.ensure_future(queue.next(None))
    await asyncio.sleep(0)
    queue.put(Item(FIRST))
    assert (await waiting).event == FIRST


async def test_input_queue_deadline_passes_where_nothing_came(queue: InputQueue) -> None:
    assert (await queue.next(0.0)).event == ev.DeadlineReached()


async def test_input_queue_what_waits_comes_before_a_deadline(queue: InputQueue) -> None:
    queue.put(Item(FIRST))
    assert (await queue.next(0.0)).event == FIRST


async def test_input_queue_full_is_told(queue: InputQueue) -> None:
    for _ in range(LIMIT):
        assert not queue.full
        queue.put(Item(FIRST))
    assert queue.full


async def test_input_queue_request_waits_until_it_was_handled(queue: InputQueue) -> None:
    request = asyncio.ensure_future(queue.request(ev.CloseRequested()))
    item = await queue.next(None)
    assert not request.done()
    item.settle(None)
    await request


async def test_input_queue_request_that_is_refused_raises(queue: InputQueue) -> None:
    request = asyncio.ensure_future(queue.request(ev.CloseRequested()))
    (await queue.next(None)).settle("not now")
    with pytest.raises(InvalidStateError, match="not now"):
        await request


async def test_input_queue_closed_tells_whoever_waits_and_whoever_comes(queue: InputQueue) -> None:
    early = asyncio.ensure_future(queue.request(ev.CloseRequested()))
    await asyncio.sleep(0)
    queue.close()
    queue.close()
    for request in (early, asyncio.ensure_future(queue.request(ev.CloseRequested()))):
        with pytest.raises(InvalidStateError, match="closed"):
            await request


@pytest.mark.parametrize(
    ("item", "stale"),
    [
        (Item(FIRST), False),
        (Item(FIRST, signaled_as="now"), False),
        (Item(FIRST, signaled_as="before"), True),
        (Item(FIRST, transport="open"), False),
        (Item(FIRST, transport="closed"), True),
    ],
)
def test_item_is_stale_of_what_is_over(item: Item, stale: bool) -> None:
    assert item.is_stale("now", lambda key: key == "open") is stale


async def test_input_queue_urgent_item_goes_first(queue: InputQueue) -> None:
    queue.put(Item(FIRST))
    queue.put(Item(SECOND), urgent=True)
    assert [(await queue.next(None)).event for _ in range(2)] == [SECOND, FIRST]
