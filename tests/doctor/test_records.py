"""What the doctor says of the place where call records wait."""

from __future__ import annotations

import asyncio
import os
from collections import namedtuple
from pathlib import Path

import pytest

from agent.doctor import records
from agent.doctor.findings import Finding, Verdict
from agent.service.status_snapshot import Records
from agent.service.status_socket import StatusServer
from agent.signaling.outbox.entry import Entry, Note, Put
from agent.signaling.outbox.store import FILE_NAME, Limits, Store
from tests.service.snapshots import snapshot

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No daemon, and much room."""
    monkeypatch.setattr(records, "candidates", list)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(1e10, 0, 1e10))


def look(directory: Path) -> Finding:
    return records.check_records(directory, "door-1")


@pytest.mark.parametrize("name", [".", "not/yet"])
def test_a_directory_may_be_there_or_not_yet(tmp_path: Path, name: str) -> None:
    finding = look(tmp_path / name)
    assert (finding.verdict, finding.figures["waiting"]) == (Verdict.OK, 0)
    assert str(tmp_path / name) in finding.text


def test_what_waits_is_counted_and_nothing_is_touched(tmp_path: Path) -> None:
    store = Store(tmp_path, Limits())
    store.open()
    store.apply([Put(Entry(f"id-{number}", "closed", "t", b"x")) for number in range(3)])
    store.apply([Note(Entry("id-4", "closed", "t", b""), b"x")])
    before = sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir())
    assert "outbox.db-wal" in dict(before), "as a killed process leaves it"
    finding = look(tmp_path)
    assert (finding.verdict, finding.figures["waiting"]) == (Verdict.OK, 4)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir()) == before
    store.close()


async def test_a_daemon_that_runs_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "status.sock"
    monkeypatch.setattr(records, "candidates", lambda: [tmp_path / "none", path])
    async with StatusServer(path, lambda: snapshot(records=Records(waiting=7))):
        finding = await asyncio.to_thread(look, tmp_path)
        other = await asyncio.to_thread(records.check_records, tmp_path, "door-2")
    assert finding.figures["waiting"] == 7
    assert other.figures["waiting"] == 0


def test_a_directory_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    finding = look(tmp_path)
    assert finding.verdict is Verdict.WARNING
    assert "cannot be written by user" in finding.text


def test_a_file_in_the_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("file", "file/state"):
        finding = look(tmp_path / name)
        assert (finding.verdict, "is a file" in finding.text) == (Verdict.WARNING, True)


def test_a_file_system_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mounted:
        f_flag = os.ST_RDONLY

    monkeypatch.setattr(os, "statvfs", lambda _: Mounted)
    assert "mounted read-only" in look(tmp_path).text


def test_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(1e10, 1e10, 4_000_000))
    finding = look(tmp_path)
    assert (finding.verdict, "4 MB are free" in finding.text) == (Verdict.WARNING, True)


def test_a_file_that_has_nothing_in_it_yet(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"")
    assert (look(tmp_path).verdict, look(tmp_path).figures["waiting"]) == (Verdict.OK, 0)


def test_a_file_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 1000)
    finding = look(tmp_path)
    assert (finding.verdict, finding.figures["waiting"]) == (Verdict.WARNING, None)
    assert "cannot be read" in finding.text


def test_files_that_were_set_aside(tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / FILE_NAME).write_bytes(b"not a database" * 1000)
        store = Store(tmp_path, Limits())
        store.open()
        store.close()
    finding = look(tmp_path)
    assert (finding.verdict, finding.figures["set_aside"]) == (Verdict.WARNING, 2)
    assert "set aside" in finding.text
