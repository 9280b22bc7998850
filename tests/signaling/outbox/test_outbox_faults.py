"""A disk that is full, read-only, slow or broken, and a process that is killed: told, and no event
the less.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.signaling.outbox.outbox import Outbox
from agent.signaling.outbox.store import KEPT_CORRUPT_FILES, Limits, Put, Store
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

FILE = "outbox.db"


def put(outbox: object, *numbers: int) -> None:
    for number in numbers:
        outbox.put("closed", f"id-{number}", "events/closed", b"%d" % number)  # type: ignore[attr-defined]


def payloads(*numbers: int) -> list[bytes]:
    return [b"%d" % number for number in numbers]


async def fill(directory: Path, *numbers: int) -> None:
    """A directory as a crash leaves it: the events are in the log, the file is not up to date."""
    outbox = await quick(directory, HandBroker()).__aenter__()
    put(outbox, *numbers)
    await written(outbox)
    shutil.copytree(directory, directory.with_name("copy"))
    await crash(outbox)
    shutil.rmtree(directory)
    directory.with_name("copy").rename(directory)


async def served(directory: Path, *numbers: int) -> list[bytes]:
    """Put `numbers` into an outbox on `directory`, and return all that it delivers."""
    broker = HandBroker(connected=True)
    async with quick(directory, broker) as outbox:
        put(outbox, *numbers)
        await deliver_all(broker, outbox)
    return broker.delivered


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
async def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert await served(tmp_path, 1) == payloads(1)
    assert aside(tmp_path) == [content], "it is kept as it was"


async def test_a_corrupt_page_is_found_at_the_start(
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


async def test_a_file_that_breaks_while_it_is_used_is_set_aside(tmp_path: Path) -> None:
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


async def test_calls_under_way_are_noted_anew_when_the_file_breaks(tmp_path: Path) -> None:
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


async def test_events_that_wait_are_written_anew_when_the_file_breaks(tmp_path: Path) -> None:
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
async def test_a_file_that_has_nothing_in_it_is_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert await served(tmp_path, 1) == payloads(1)
    assert not aside(tmp_path)


async def test_a_file_of_another_version_is_set_aside(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("PRAGMA user_version=99")
    database.close()
    assert await served(tmp_path, 1) == payloads(1)


async def test_few_files_that_were_set_aside_are_kept(tmp_path: Path) -> None:
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
async def test_a_log_that_was_cut_costs_its_end_and_no_more(tmp_path: Path, cut: int) -> None:
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


@pytest.mark.parametrize(
    "kind", ["the directory is a file", "its parent is a file", "the file is a directory"]
)
async def test_a_directory_that_cannot_be_used_costs_no_event(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    directory = {
        "the directory is a file": tmp_path / "file",
        "its parent is a file": tmp_path / "file" / "state",
    }.get(kind, tmp_path)
    if directory is tmp_path:
        (tmp_path / FILE).mkdir()
    else:
        (tmp_path / "file").write_bytes(b"")
    broker, troubles = HandBroker(connected=True), list[str | None]()
    outbox = quick(directory, broker)
    outbox._on_trouble = troubles.append
    async with outbox:
        put(outbox, *range(50))
        outbox.note(begun("c-1"), b"under way")
        await deliver_all_but_the_disk(broker, 50)
        assert outbox.health.trouble is not None
    assert broker.delivered == payloads(*range(50))
    assert len(troubles) == 1
    assert sum("only in memory" in each.message for each in caplog.records) == 1, "it is said once"


async def deliver_all_but_the_disk(broker: HandBroker, number: int) -> None:
    while len(broker.delivered) < number:
        await broker.wait_taken(1)
        broker.ack(len(broker.taken))


async def test_memory_is_bounded_where_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.signaling.outbox.outbox.MEMORY_ALONE", 20)
    (tmp_path / "file").write_bytes(b"")
    broker = HandBroker()
    async with quick(tmp_path / "file", broker) as outbox:
        for number in range(30):
            outbox.put("response" if number < 10 else "closed", f"id-{number}", "t", b"%d" % number)
        put(outbox, *range(30, 35))
        assert outbox.health.lost == 15
        broker.connect()
        await deliver_all_but_the_disk(broker, 20)
    assert broker.delivered == payloads(*range(15, 35)), "responses first, then the oldest"


async def test_what_the_broker_has_leaves_nothing_in_memory_where_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For months: what is written nowhere need not be forgotten there."""
    monkeypatch.setattr("agent.signaling.outbox.writer.MAX_CHANGES", 10)
    (tmp_path / "file").write_bytes(b"")
    broker = HandBroker(connected=True)
    async with quick(tmp_path / "file", broker) as outbox:
        for number in range(50):
            put(outbox, number)
            await deliver_all_but_the_disk(broker, number + 1)
        assert len(outbox._disk._changes) + len(outbox._disk._forget) <= 10


async def test_what_is_acknowledged_while_it_is_written_does_not_stay_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker, patience=0.0) as outbox:
        await caught_up(outbox)
        apply, go_on, committed = outbox._store.apply, threading.Event(), threading.Event()

        def slow(changes: list[Put]) -> None:
            apply(changes)
            committed.set()
            go_on.wait(PATIENCE)

        monkeypatch.setattr(outbox._store, "apply", slow)
        put(outbox, 1)
        assert await broker.wait_taken(1) == payloads(1)
        await asyncio.to_thread(committed.wait, PATIENCE)
        broker.ack()
        go_on.set()
        await written(outbox)
        await written(outbox)
        assert outbox._store.rows == 0


async def test_what_is_acknowledged_after_a_failure_that_was_none_does_not_stay_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit has reached the disk, and the disk says that it has not."""
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker) as outbox:
        await caught_up(outbox)
        apply = outbox._store.apply

        def failed(changes: list[Put]) -> None:
            monkeypatch.setattr(outbox._store, "apply", apply)
            apply(changes)
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(outbox._store, "apply", failed)
        put(outbox, 1)
        assert await broker.wait_taken(1) == payloads(1)
        broker.ack()
        await written(outbox)
        await written(outbox)
        assert outbox._store.rows == 0


async def test_what_waited_in_memory_is_written_when_the_disk_works_again(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    broker, recovered = HandBroker(), asyncio.Event()
    outbox = quick(tmp_path, broker)
    outbox._on_trouble = lambda trouble: recovered.set() if trouble is None else None
    async with outbox:
        put(outbox, 1, 2, 3)
        await written(outbox)
        assert outbox.health.trouble is not None
        (tmp_path / FILE).rmdir()
        async with asyncio.timeout(PATIENCE):
            await recovered.wait()  # by itself
        put(outbox, 4)
        await written(outbox)
        assert outbox._store.rows == 4
    assert await served(tmp_path, 5) == payloads(1, 2, 3, 4, 5)


class Stall:
    """A disk that does not answer until it is told to."""

    def __init__(self, store: Store) -> None:
        self.over = threading.Event()
        apply = store.apply

        def stalled(changes: list[Put]) -> None:
            self.over.wait(PATIENCE)
            apply(changes)

        store.apply = stalled  # type: ignore[method-assign,assignment]


async def test_a_disk_that_stalls_delays_an_event_by_no_more_than_the_patience(
    tmp_path: Path,
) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker, patience=0.1) as outbox:
        await outbox.flush(PATIENCE)
        stall = Stall(outbox._store)
        begin = asyncio.get_running_loop().time()
        put(outbox, *range(10))
        assert await broker.wait_taken(10) == payloads(*range(10))
        assert asyncio.get_running_loop().time() - begin < 2, (
            "they wait together, not one after the other"
        )
        broker.ack(10)
        put(outbox, 10)
        stall.over.set()
        await broker.wait_taken(1)
        await deliver_all(broker, outbox)
        await written(outbox)
        assert outbox.health.waiting == 0
    assert broker.delivered == payloads(*range(11))


async def test_a_disk_that_stalls_at_the_start_delays_no_call(tmp_path: Path) -> None:
    broker = HandBroker(connected=True)
    outbox = quick(tmp_path, broker, patience=0.05, read_timeout=0.1)
    over, open_ = threading.Event(), outbox._store.open

    def stalled() -> None:
        over.wait(PATIENCE)
        open_()

    outbox._store.open = stalled  # type: ignore[method-assign]
    async with outbox:
        put(outbox, 1, 2)
        assert await broker.wait_taken(2) == payloads(1, 2)
        over.set()
        await deliver_all(broker, outbox)
    assert broker.published == payloads(1, 2)


async def test_a_disk_that_never_answers_is_left_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = HandBroker(connected=True)
    outbox = quick(tmp_path, broker, patience=0.05, disk_timeout=0.1)
    async with outbox:
        await outbox.flush(PATIENCE)
        stall = Stall(outbox._store)
        put(outbox, 1)
        await broker.wait_taken(1)
    assert any("left behind" in each.message for each in caplog.records)
    stall.over.set()
    outbox._disk._thread.join(PATIENCE)


def mount(folder: Path, *options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    return (
        os.geteuid() == 0
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not mount(folder, "size=300k"):
        pytest.skip("needs root and the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_is_told_and_costs_no_event(small_disk: Path) -> None:
    broker, troubles, over = HandBroker(), list[str | None](), asyncio.Event()

    def on_trouble(trouble: str | None) -> None:
        troubles.append(trouble)
        if trouble is None:
            over.set()

    outbox = quick(small_disk, broker)
    outbox._on_trouble = on_trouble
    async with outbox:
        put(outbox, 0)
        await written(outbox)
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"")
        _fill_up(ballast)
        for number in range(1, 300):
            outbox.put("closed", f"id-{number}", "t", b"%d" % number + b" " * 1000)
        await written(outbox)
        assert outbox.health.trouble == "database or disk is full"
        broker.connect()
        await deliver_all_but_the_disk(broker, 300)
        ballast.unlink()
        await deliver_all(broker, outbox)
        async with asyncio.timeout(PATIENCE):
            # it ends by itself, and may come back while little is free
            while outbox.health.trouble is not None:
                over.clear()
                await over.wait()
    assert troubles[0] == "database or disk is full"
    assert troubles[-1] is None
    assert sorted(int(payload) for payload in broker.delivered) == list(range(300))


def _fill_up(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


@pytest.fixture
def closed_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is read-only; for who may not mount one, a directory that is."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = mount(folder, "ro")
    if not mounted:
        if os.geteuid() == 0:
            pytest.skip("needs the right to mount a tmpfs")
        folder.chmod(0o500)
    yield folder
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_disk_that_is_read_only_is_told_and_costs_no_event(closed_disk: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(closed_disk / "state", broker) as outbox:
        call = begun("c-1")
        outbox.note(call, b"under way")
        assert not await outbox.noted(call)
        put(outbox, *range(20))
        await deliver_all_but_the_disk(broker, 20)
        assert outbox.health.trouble in ("Read-only file system", "Permission denied")
    assert broker.delivered == payloads(*range(20))


async def test_a_disk_that_becomes_read_only_is_told_and_what_waits_on_it_is_delivered(
    tmp_path: Path,
) -> None:
    """As the kernel makes it after an error of the card."""
    broker = HandBroker()
    async with quick(tmp_path, broker) as outbox:
        # more than memory holds
        put(outbox, *range(100))
        await written(outbox)
        outbox._store.apply = _read_only  # type: ignore[method-assign]
        outbox._store.probe = _read_only  # type: ignore[method-assign]
        put(outbox, 100)
        await written(outbox)
        assert outbox.health.trouble == "attempt to write a readonly database"
        broker.connect()
        await deliver_all_but_the_disk(broker, 101)
    assert sorted(int(payload) for payload in broker.delivered) == list(range(101))


def _read_only(*_: object, **__: object) -> None:
    error = sqlite3.OperationalError("attempt to write a readonly database")
    error.sqlite_errorcode = sqlite3.SQLITE_READONLY
    raise error


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


def test_kill_at_any_moment_loses_nothing_that_was_written(tmp_path: Path) -> None:
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
