"""The file behind the outbox: broken, of another version, beyond its limits, and of a process that
was killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agent.signaling.outbox.entry import Put
from agent.signaling.outbox.outbox import Outbox
from agent.signaling.outbox.store import KEPT_CORRUPT_FILES, Limits, Store
from tests.signaling.outbox.outboxes import (
    HandBroker,
    begun,
    caught_up,
    crash,
    deliver_all,
    payloads,
    put,
    quick,
    served,
    written,
)

FILE = "outbox.db"


def files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, time of the last change, bytes."""
    return [
        (path.name, path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.iterdir())
    ]


async def fill(directory: Path, *numbers: int) -> None:
    """A directory as a crash leaves it: the events are in the log, the file is not up to date."""
    outbox = await quick(directory, HandBroker()).__aenter__()
    put(outbox, *numbers)
    await written(outbox)
    shutil.copytree(directory, directory.with_name("copy"))
    await crash(outbox)
    shutil.rmtree(directory)
    directory.with_name("copy").rename(directory)


def aside(folder: Path, pattern: str = "*.corrupt-*Z") -> list[bytes]:
    return [path.read_bytes() for path in folder.glob(pattern)]


def scribble(path: Path, *, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


@pytest.mark.parametrize(
    "content",
    [b"not a database" * 1000, b"SQLite format 3\0" + b"\xff" * 8000, os.urandom(100_000)],
)
async def test_store_file_that_is_no_database_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert await served(tmp_path, 1) == payloads(1)
    assert aside(tmp_path) == [content], "it is kept as it was"


async def test_store_corrupt_page_is_found_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with quick(tmp_path, HandBroker()) as outbox:
        put(outbox, *range(400))
        await written(outbox)
    scribble(tmp_path / FILE, at=4096 * 2, data=b"\xff" * 4096)
    assert await served(tmp_path, 1000) == payloads(1000)
    assert any("set aside" in each.message for each in caplog.records)


def break_at_the_next_change(outbox: Outbox) -> None:
    """The file is found to be corrupt, once."""
    apply = outbox._store.apply

    def broken(changes: list[Put]) -> None:
        outbox._store.apply = apply  # type: ignore[method-assign]
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    outbox._store.apply = broken  # type: ignore[method-assign,assignment]


async def test_store_file_that_breaks_while_it_is_used_is_set_aside(tmp_path: Path) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker) as outbox:
        await caught_up(outbox)
        put(outbox, 1)
        await written(outbox)
        break_at_the_next_change(outbox)
        put(outbox, 2)
        await written(outbox)
        assert outbox.health.trouble is None
        await deliver_all(broker, outbox)
    assert broker.delivered == payloads(1, 2), "the first was still in memory"


async def fill_beyond_the_cache(directory: Path) -> None:
    """So that a look at what waits has to read the file."""
    async with quick(directory, HandBroker()) as outbox:
        for number in range(400):
            outbox.put("closed", f"id-{number}", "events/#", b"%1500d" % number)
        await written(outbox)


async def test_store_calls_under_way_are_noted_anew_when_the_file_breaks(tmp_path: Path) -> None:
    """None of them has anything new to say, and the damage is found by a look at what waits."""
    await fill_beyond_the_cache(tmp_path)
    outbox = await quick(tmp_path, HandBroker()).__aenter__()
    calls = [begun(f"c-{number}") for number in range(3)]
    for call in calls:
        outbox.note(call, b"begun")
    outbox.note(calls[0], b"connected")
    outbox.put("closed", calls[1].event_id, calls[1].topic, b"hung up", ends=calls[1])
    await written(outbox)
    scribble(tmp_path / FILE, at=4096 * 10, data=b"\xff" * 4096 * 100)
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        await outbox._disk.read(0, 400)
    await written(outbox)
    assert (outbox.health.set_aside, outbox.health.trouble) == (1, None)
    await crash(outbox)
    again = HandBroker()
    async with quick(tmp_path, again) as outbox:
        await deliver_all(again, outbox)
        assert outbox.health.recovered == 2
    assert again.delivered[-2:] == [b"connected", b"begun"], (
        "after what had been read of the old file"
    )


async def test_store_events_that_wait_are_written_anew_when_the_file_breaks(tmp_path: Path) -> None:
    """On their way to the broker, or not yet handed over: what is in memory outlasts a kill."""
    broker = HandBroker(connected=True)
    outbox = await quick(tmp_path, broker).__aenter__()
    await caught_up(outbox)
    put(outbox, 1)
    await broker.wait_taken(1)
    broker.connect(False)
    put(outbox, 2)
    await written(outbox)
    break_at_the_next_change(outbox)
    put(outbox, 3)
    await written(outbox)
    # what has been handed in since
    await written(outbox)
    assert (outbox.health.set_aside, outbox.health.trouble) == (1, None)
    await crash(outbox)
    assert await served(tmp_path) == payloads(1, 2, 3)


@pytest.mark.parametrize("content", [b"", b"x"])
async def test_store_file_that_has_nothing_in_it_is_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert await served(tmp_path, 1) == payloads(1)
    assert not aside(tmp_path)


async def test_store_file_of_another_version_is_set_aside(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("PRAGMA user_version=99")
    database.close()
    assert await served(tmp_path, 1) == payloads(1)


async def test_store_few_files_that_were_set_aside_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT_CORRUPT_FILES + 3):
        (tmp_path / FILE).write_bytes(b"broken %d" % number * 100)
        (tmp_path / f"{FILE}-wal").write_bytes(b"log")
        os.utime(tmp_path / FILE, (number, number))
        assert await served(tmp_path, 1) == payloads(1)
    assert sorted(aside(tmp_path)) == [
        b"broken %d" % number * 100 for number in range(3, KEPT_CORRUPT_FILES + 3)
    ]
    assert len(aside(tmp_path, "*.corrupt-*-wal")) <= KEPT_CORRUPT_FILES


@pytest.mark.parametrize("cut", [1, 100, 4096, 5000, 20_000])
async def test_store_log_that_was_cut_costs_its_end_and_no_more(tmp_path: Path, cut: int) -> None:
    directory = tmp_path / "state"
    await fill(directory, *range(30))
    # each in a transaction of its own
    for _ in range(3):
        await fill_more(directory)
    log = directory / f"{FILE}-wal"
    os.truncate(log, max(0, log.stat().st_size - cut))
    delivered = await served(directory, 1000)
    assert delivered[-1] == b"1000"
    numbers = [int(payload) for payload in delivered[:-1]]
    assert numbers == list(range(len(numbers)))


async def fill_more(directory: Path) -> None:
    outbox = await quick(directory, HandBroker()).__aenter__()
    await written(outbox)
    waiting = outbox.health.waiting
    for number in range(waiting, waiting + 5):
        put(outbox, number)
        await written(outbox)
    shutil.copytree(directory, directory.with_name("copy"))
    await crash(outbox)
    shutil.rmtree(directory)
    directory.with_name("copy").rename(directory)


async def test_store_beyond_the_limit_the_oldest_responses_go_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker, limits=Limits(rows=10)) as outbox:
        await caught_up(outbox)
        for number in range(0, 12, 2):
            put(outbox, number, kind="response")
            put(outbox, number + 1)
            await written(outbox)
        outbox._queue.fall_behind()
        await deliver_all(broker, outbox)
        assert outbox.health.lost == 12 - len(broker.delivered)
    assert broker.delivered == payloads(1, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    assert [each.levelno for each in caplog.records if "outbox is full" in each.message] == [
        logging.ERROR
    ]


async def test_store_beyond_the_limit_without_responses_the_oldest_go(tmp_path: Path) -> None:
    broker = HandBroker()
    async with quick(tmp_path, broker, limits=Limits(size=400)) as outbox:
        await caught_up(outbox)
        for number in range(30):
            put(outbox, number)
            await written(outbox)
        outbox._queue.fall_behind()
        assert outbox._store.size <= 400
        await deliver_all(broker, outbox)
    numbers = [int(payload) for payload in broker.delivered]
    assert numbers == list(range(numbers[0], 30))
    assert len(numbers) > 10


async def test_store_second_process_on_the_directory_works_without(
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


async def test_store_nothing_is_written_while_nothing_happens(tmp_path: Path) -> None:
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


async def test_store_log_is_bounded(tmp_path: Path) -> None:
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


_WRITER = """
import sys
from pathlib import Path
from agent.signaling.outbox.store import Entry, Forget, Limits, Note, Put, Store
store = Store(Path(sys.argv[1]), Limits())
start = int(sys.argv[2])
store.open()
print("open", flush=True)
for number in range(start, start + 100000):
    call = Entry(f"id-{number}", "closed", "t", b"")
    store.apply([Note(call, b"crash %d" % number)])
    print("begun", number, flush=True)
    entry = Entry(f"id-{number}", "closed", "t", b"closed %d" % number)
    store.apply([Put(entry, call)])
    print("put", number, flush=True)
    if number % 3 == 0:
        print("forget", number, flush=True)
        store.apply([Forget(entry)])
"""


def test_store_kill_at_any_moment_loses_nothing_that_was_written(tmp_path: Path) -> None:
    chance = random.Random(6)
    lines: list[str] = []
    for life in range(12):
        command = [sys.executable, "-c", _WRITER, str(tmp_path), str(life * 100_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines += [process.stdout.readline() for _ in range(chance.randrange(1, 300))]
            process.kill()
            lines += process.stdout.readlines()
    # not what was cut off by the end of a process
    lines = [line for line in lines if line.endswith("\n")]
    said = {
        word: {int(line.split()[1]) for line in lines if line.startswith(word)}
        for word in ("begun", "put", "forget")
    }
    store = Store(tmp_path, Limits(rows=1_000_000, size=1 << 40))
    store.open()
    found = {int(entry.event_id[3:]): entry.payload for entry in store.read(0, 1_000_000)}
    rows = store.rows
    store.close()
    assert len(said["put"]) > 100
    assert rows == len(found), "one event for one eventId"
    assert said["begun"] - said["forget"] <= found.keys(), "every call has its last word"
    assert all(found[number] == b"closed %d" % number for number in said["put"] - said["forget"])
    late = {number for number, payload in found.items() if payload.startswith(b"crash")}
    assert len(late) <= 12, "at most the one that each process was in"
    assert list(found) == sorted(found)
