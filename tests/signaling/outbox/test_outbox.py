from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.signaling.outbox import event_queue as module
from agent.signaling.outbox.entry import Entry
from agent.signaling.outbox.event_queue import WINDOW
from agent.signaling.outbox.outbox import Outbox
from tests.signaling.outbox.outboxes import (
    HandBroker,
    begun,
    crash,
    deliver_all,
    payloads,
    put,
    quick,
    written,
)
from tests.waiting import PATIENCE, until


def files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, time of the last change, bytes."""
    return [
        (path.name, path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.iterdir())
    ]


async def test_outbox_event_is_on_the_disk_until_the_broker_has_it(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1)
        assert await broker.wait_taken(1) == payloads(1)
        assert outbox.health.waiting == 1
        assert outbox._store.rows == 1, "it is written before it is published"
        broker.ack()
        await outbox.flush(PATIENCE)
        await written(outbox)
        assert outbox.health.waiting == 0


async def test_outbox_what_is_not_kept_does_not_overtake_what_waits_to_be_written(
    tmp_path: Path,
) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        outbox.pass_on("called", "events/called", b"called")
        put(outbox, 1)
        outbox.pass_on("stream_received", "events/stream_received", b"stream")
        assert await broker.wait_taken(3) == [b"called", b"1", b"stream"]
        assert outbox._store.rows == 1
        await deliver_all(broker, outbox)


async def test_outbox_nothing_is_published_while_the_broker_is_away(tmp_path: Path) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1, 2)
        await written(outbox)
        assert not broker.taken
        broker.connect()
        assert await broker.wait_taken(2) == payloads(1, 2)


@pytest.mark.parametrize("number", [1, WINDOW, module.MEMORY + 1, 300])
async def test_outbox_backlog_goes_before_what_is_new(tmp_path: Path, number: int) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker) as outbox:
        put(outbox, *range(number))
        await written(outbox)
        broker.connect()
        await broker.wait_taken(1)
        put(outbox, *range(number, number + 5))
        await deliver_all(broker, outbox)
    assert broker.delivered == payloads(*range(number + 5))


class HandRead:
    """The next look at the disk, answered by hand; those after it are as usual."""

    def __init__(self, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[list[Entry]] = asyncio.get_running_loop().create_future()
        usual = outbox._disk.read

        def read(after: int, limit: int) -> asyncio.Future[list[Entry]]:
            monkeypatch.setattr(outbox._disk, "read", usual)
            self.asked.set()
            return self.answer

        monkeypatch.setattr(outbox._disk, "read", read)


async def test_outbox_what_is_written_while_the_disk_is_read_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker) as outbox:
        read = HandRead(outbox, monkeypatch)
        broker.connect()
        async with asyncio.timeout(PATIENCE):
            await read.asked.wait()
        put(outbox, 1)
        await written(outbox)
        read.answer.set_result([])
        assert await broker.wait_taken(1) == payloads(1)


async def test_outbox_what_is_acknowledged_while_the_disk_is_read_is_not_published_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1)
        await broker.wait_taken(1)
        read = HandRead(outbox, monkeypatch)
        outbox._queue.fall_behind()
        broker.connect()
        async with asyncio.timeout(PATIENCE):
            await read.asked.wait()
        broker.ack()
        await asyncio.sleep(0)
        read.answer.set_result(
            [Entry("id-1", "closed", "events/closed", b"1", seq=1, written=True)]
        )
        put(outbox, 2)
        assert await broker.wait_taken(1) == payloads(2)
        await deliver_all(broker, outbox)
    assert broker.published == payloads(1, 2)


async def test_outbox_memory_is_bounded_while_the_disk_works(tmp_path: Path) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker) as outbox:
        for number in range(500):
            put(outbox, number)
            await asyncio.sleep(0)
        await written(outbox)
        assert len(outbox._queue.memory) <= module.MEMORY
        assert outbox.health.waiting == 500


async def test_outbox_no_more_than_a_window_is_handed_over(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, *range(3 * WINDOW))
        await broker.wait_taken(WINDOW)
        await written(outbox)
        assert len(broker.taken) == WINDOW
        await deliver_all(broker, outbox)
    assert broker.delivered == payloads(*range(3 * WINDOW))


async def test_outbox_what_was_not_acknowledged_comes_again_after_a_restart(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1, 2, 3)
        await broker.wait_taken(3)
        broker.ack()
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 4)
        assert await broker.wait_taken(3) == payloads(2, 3, 4)
        await deliver_all(broker, outbox)


async def test_outbox_what_the_broker_has_already_taken_is_not_handed_over_again_on_reconnect(
    tmp_path: Path,
) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1, 2)
        await broker.wait_taken(2)
        broker.connect(False)
        put(outbox, 3)
        broker.connect()
        assert await broker.wait_taken(3) == payloads(1, 2, 3)
        await deliver_all(broker, outbox)


async def test_outbox_event_that_is_refused_is_tried_again_and_then_left_out(
    tmp_path: Path,
) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1)
        for _ in range(module.MAX_REFUSALS):
            assert await broker.wait_taken(1) == payloads(1)
            broker.refuse()
        put(outbox, 2)
        assert await broker.wait_taken(1) == payloads(2)
        broker.ack()
        await until(lambda: outbox.health.waiting == 1)
        broker.connect(False)
        broker.connect()
        assert await broker.wait_taken(1) == payloads(1)
        await deliver_all(broker, outbox)


async def test_outbox_what_was_left_out_comes_again_though_the_disk_is_read_at_the_reconnect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1)
        for _ in range(module.MAX_REFUSALS):
            await broker.wait_taken(1)
            broker.refuse()
        put(outbox, 2)
        await broker.wait_taken(1)
        await written(outbox)
        place, usual, read = outbox._queue.place, outbox._disk.read, HandRead(outbox, monkeypatch)
        outbox._queue.fall_behind()
        outbox._awake.set()
        async with asyncio.timeout(PATIENCE):
            await read.asked.wait()
        put(outbox, 3)
        broker.connect(False)
        broker.connect()
        read.answer.set_result(await usual(place, module.WINDOW))
        assert sorted(await broker.wait_taken(3)) == payloads(1, 2, 3)
        await deliver_all(broker, outbox)
        await written(outbox)
        assert outbox._store.rows == 0


async def test_outbox_refused_events_keep_their_order(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1, 2, 3)
        await broker.wait_taken(3)
        for _ in range(3):
            broker.refuse()
        put(outbox, 4)
        assert await broker.wait_taken(4) == payloads(1, 2, 3, 4)
        await deliver_all(broker, outbox)


async def test_outbox_call_under_way_is_closed_after_a_crash(tmp_path: Path) -> None:
    outbox = await quick(tmp_path, HandBroker()).__aenter__()
    first, second, over = begun("c-1"), begun("c-2"), begun("c-3")
    outbox.note(first, b"first, begun")
    outbox.note(over, b"over, begun")
    outbox.note(second, b"second, begun")
    outbox.note(first, b"first, connected")
    outbox.put("closed", over.event_id, over.topic, b"over, hung up", ends=over)
    await written(outbox)
    await crash(outbox)

    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        assert await broker.wait_taken(3) == [
            b"over, hung up",
            b"first, connected",
            b"second, begun",
        ]
        assert outbox.health.recovered == 2
    async with quick(tmp_path, HandBroker()) as outbox:
        await written(outbox)
        assert (outbox.health.recovered, outbox.health.waiting) == (0, 3), "they are closed once"


async def test_outbox_calls_of_this_process_are_not_taken_for_left_over_ones(
    tmp_path: Path,
) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker) as outbox:
        call = begun("c-1")
        outbox.note(call, b"begun")
        await written(outbox)
        # in quiet: the thread waits
        outbox._store.close()
        outbox.put("closed", call.event_id, call.topic, b"hung up", ends=call)
        await written(outbox)
        await deliver_all(broker, outbox)
    assert broker.delivered == [b"hung up"]
