from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from agent.signaling.outbox import outbox as module
from agent.signaling.outbox.outbox import WINDOW, Outbox
from agent.signaling.outbox.store import Entry, Limits
from tests.signaling.outbox.outboxes import (
    PATIENCE,
    HandBroker,
    begun,
    caught_up,
    crash,
    deliver_all,
    quick,
    written,
)
from tests.waiting import until


def put(outbox: Outbox, *numbers: int, kind: str = "closed") -> None:
    for number in numbers:
        outbox.put(kind, f"id-{number}", f"events/{kind}", b"%d" % number)


def files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, time of the last change, bytes."""
    return [
        (path.name, path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.iterdir())
    ]


def payloads(*numbers: int) -> list[bytes]:
    return [b"%d" % number for number in numbers]


async def test_an_event_is_on_the_disk_until_the_broker_has_it(tmp_path: Path) -> None:
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


async def test_what_is_not_kept_does_not_overtake_what_waits_to_be_written(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        outbox.pass_on("called", "events/called", b"called")
        put(outbox, 1)
        outbox.pass_on("stream_received", "events/stream_received", b"stream")
        assert await broker.wait_taken(3) == [b"called", b"1", b"stream"]
        assert outbox._store.rows == 1
        await deliver_all(broker, outbox)


async def test_nothing_is_published_while_the_broker_is_away(tmp_path: Path) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1, 2)
        await written(outbox)
        assert not broker.taken
        broker.connect()
        assert await broker.wait_taken(2) == payloads(1, 2)


@pytest.mark.parametrize("number", [1, WINDOW, module.MEMORY + 1, 300])
async def test_a_backlog_goes_before_what_is_new(tmp_path: Path, number: int) -> None:
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


async def test_what_is_written_while_the_disk_is_read_is_looked_for_again(
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


async def test_what_is_acknowledged_while_the_disk_is_read_is_not_published_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1)
        await broker.wait_taken(1)
        read = HandRead(outbox, monkeypatch)
        outbox._fall_behind()
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


async def test_memory_is_bounded_while_the_disk_works(tmp_path: Path) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker) as outbox:
        for number in range(500):
            put(outbox, number)
            await asyncio.sleep(0)
        await written(outbox)
        assert len(outbox._memory) <= module.MEMORY
        assert outbox.health.waiting == 500


async def test_no_more_than_a_window_is_handed_over(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, *range(3 * WINDOW))
        await broker.wait_taken(WINDOW)
        await written(outbox)
        assert len(broker.taken) == WINDOW
        await deliver_all(broker, outbox)
    assert broker.delivered == payloads(*range(3 * WINDOW))


async def test_what_was_not_acknowledged_comes_again_after_a_restart(tmp_path: Path) -> None:
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


async def test_what_the_broker_has_already_taken_is_not_handed_over_again_on_reconnect(
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


async def test_an_event_that_is_refused_is_tried_again_and_then_left_out(tmp_path: Path) -> None:
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


async def test_what_was_left_out_comes_again_though_the_disk_is_read_at_the_reconnect(
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
        place, usual, read = outbox._place, outbox._disk.read, HandRead(outbox, monkeypatch)
        outbox._fall_behind()
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


async def test_refused_events_keep_their_order(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1, 2, 3)
        await broker.wait_taken(3)
        for _ in range(3):
            broker.refuse()
        put(outbox, 4)
        assert await broker.wait_taken(4) == payloads(1, 2, 3, 4)
        await deliver_all(broker, outbox)


async def test_a_call_under_way_is_closed_after_a_crash(tmp_path: Path) -> None:
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


async def test_calls_of_this_process_are_not_taken_for_left_over_ones(tmp_path: Path) -> None:
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


async def test_beyond_the_limit_the_oldest_responses_go_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker, limits=Limits(rows=10)) as outbox:
        await caught_up(outbox)
        for number in range(0, 12, 2):
            put(outbox, number, kind="response")
            put(outbox, number + 1)
            await written(outbox)
        outbox._fall_behind()
        await deliver_all(broker, outbox)
        assert outbox.health.lost == 12 - len(broker.delivered)
    assert broker.delivered == payloads(1, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    assert [each.levelno for each in caplog.records if "outbox is full" in each.message] == [
        logging.ERROR
    ]


async def test_beyond_the_limit_without_responses_the_oldest_go(tmp_path: Path) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker, limits=Limits(size=400)) as outbox:
        await caught_up(outbox)
        for number in range(30):
            put(outbox, number)
            await written(outbox)
        outbox._fall_behind()
        assert outbox._store.size <= 400
        await deliver_all(broker, outbox)
    numbers = [int(payload) for payload in broker.delivered]
    assert numbers == list(range(numbers[0], 30))
    assert len(numbers) > 10


async def test_a_second_process_on_the_directory_works_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    troubles: list[str | None] = []
    async with quick(tmp_path, HandBroker()) as outbox:
        put(outbox, 1)
        await written(outbox)
        broker = HandBroker(connected=True)
        second = quick(tmp_path, broker)
        second._on_trouble = troubles.append
        async with second:
            put(second, 2)
            assert await broker.wait_taken(1) == payloads(2)
            broker.ack()
    assert troubles == ["database is locked"]
    assert sum("only in memory" in each.message for each in caplog.records) == 1


async def test_nothing_is_written_while_nothing_happens(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        put(outbox, 1)
        await broker.wait_taken(1)
        broker.ack()
        await written(outbox)
        before = files(tmp_path)
        # six times the interval at which a failed disk is tried
        await asyncio.sleep(0.3)
        assert files(tmp_path) == before


async def test_the_log_is_bounded(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        for number in range(1500):
            outbox.put("closed", f"id-{number}", "events/closed", b"x" * 1200)
            await broker.wait_taken(1)
            broker.ack()
            await written(outbox)
        sizes = {name: size for name, _, size in files(tmp_path)}
    assert sizes["outbox.db-wal"] < 2 << 20
    assert sizes["outbox.db"] < 1 << 20
