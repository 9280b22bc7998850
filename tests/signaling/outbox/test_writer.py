"""A disk that is full, read-only, slow or broken: told, and no event the less."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.signaling.outbox.entry import Put
from agent.signaling.outbox.store import FILE_NAME, Store
from tests.signaling.outbox.outboxes import (
    HandBroker,
    begun,
    caught_up,
    deliver_all,
    payloads,
    put,
    quick,
    served,
    written,
)
from tests.waiting import PATIENCE


@pytest.mark.parametrize(
    "kind", ["the directory is a file", "its parent is a file", "the file is a directory"]
)
async def test_writer_directory_that_cannot_be_used_costs_no_event(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    directory = {
        "the directory is a file": tmp_path / "file",
        "its parent is a file": tmp_path / "file" / "state",
    }.get(kind, tmp_path)
    if directory is tmp_path:
        (tmp_path / FILE_NAME).mkdir()
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


async def test_writer_memory_is_bounded_where_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.signaling.outbox.event_queue.MEMORY_ALONE", 20)
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


async def test_writer_what_the_broker_has_leaves_nothing_in_memory_where_the_disk_fails(
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


async def test_writer_what_is_acknowledged_while_it_is_written_does_not_stay_on_the_disk(
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


async def test_writer_what_is_acknowledged_after_a_failure_that_was_none_does_not_stay_on_the_disk(
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


async def test_writer_what_waited_in_memory_is_written_when_the_disk_works_again(
    tmp_path: Path,
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    broker, recovered = HandBroker(), asyncio.Event()
    outbox = quick(tmp_path, broker)
    outbox._on_trouble = lambda trouble: recovered.set() if trouble is None else None
    async with outbox:
        put(outbox, 1, 2, 3)
        await written(outbox)
        assert outbox.health.trouble is not None
        (tmp_path / FILE_NAME).rmdir()
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


async def test_writer_disk_that_stalls_delays_an_event_by_no_more_than_the_patience(
    tmp_path: Path,
) -> None:
    broker = HandBroker(connected=True)
    async with quick(tmp_path, broker, patience=0.1) as outbox:
        await outbox.flush(PATIENCE)
        stall = Stall(outbox._store)
        put(outbox, *range(10))
        assert await broker.wait_taken(10) == payloads(*range(10))
        broker.ack(10)
        put(outbox, 10)
        stall.over.set()
        await broker.wait_taken(1)
        await deliver_all(broker, outbox)
        await written(outbox)
        assert outbox.health.waiting == 0
    assert broker.delivered == payloads(*range(11))


async def test_writer_disk_that_stalls_at_the_start_delays_no_call(tmp_path: Path) -> None:
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


async def test_writer_disk_that_never_answers_is_left_behind(
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


async def test_writer_full_disk_is_told_and_costs_no_event(small_disk: Path) -> None:
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


async def test_writer_disk_that_is_read_only_is_told_and_costs_no_event(closed_disk: Path) -> None:
    broker = HandBroker(connected=True)
    async with quick(closed_disk / "state", broker) as outbox:
        call = begun("c-1")
        outbox.note(call, b"under way")
        assert not await outbox.noted(call)
        put(outbox, *range(20))
        await deliver_all_but_the_disk(broker, 20)
        assert outbox.health.trouble in ("Read-only file system", "Permission denied")
    assert broker.delivered == payloads(*range(20))


async def test_writer_disk_that_becomes_read_only_is_told_and_what_waits_on_it_is_delivered(
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
