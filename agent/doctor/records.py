"""Where call records wait for the broker: can it be written, is there room, and what waits?"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from agent.doctor.findings import Finding, Verdict
from agent.doctor.system_check import user
from agent.service.status_client import ask, candidates
from agent.signaling.outbox.store import FILE_NAME, Limits

_AREA = "records"
# bytes: the file at its largest, its log, and what was set aside
_ROOM = 3 * Limits().size
# bytes; the rest of the system needs some, too
_ENOUGH = 50_000_000


@dataclass(frozen=True, slots=True)
class _Contents:
    """`waiting` None: `unknown` says why."""

    waiting: int | None = None
    unknown: str = ""


def check_records(directory: Path, uid: str) -> Finding:
    """Whatever is wrong there, calls go on: it is their records that would be lost in a power
    cut.
    """
    there = next((each for each in (directory, *directory.parents) if each.exists()), directory)
    closed = _why_closed(there)
    if closed is not None:
        advice = closed[1] + " Until then records wait in memory only."
        return Finding(_AREA, Verdict.WARNING, f"{directory} {closed[0]}", advice)
    free = shutil.disk_usage(there).free
    aside = sorted(directory.glob(f"{FILE_NAME}.corrupt-*Z"))
    contents = _look_into(directory, uid)
    figures = {"free": free, "waiting": contents.waiting, "set_aside": len(aside)}
    text = f"{directory} can be written, {free / 1e6:.0f} MB are free; {_waiting(contents)}"
    if free < max(_ROOM, _ENOUGH):
        advice = (
            "Make room: on a full disk records wait in memory only, and are lost in a power cut."
        )
        return Finding(_AREA, Verdict.WARNING, text, advice, figures)
    if contents.waiting is None:
        advice = "A file that is damaged is set aside when callbox starts."
        return Finding(_AREA, Verdict.WARNING, text, advice, figures)
    if aside:
        text += f"; damaged and set aside: {len(aside)}, the last of them {aside[-1].name}"
        advice = "It may be that the card wears out. They may be removed."
        return Finding(_AREA, Verdict.WARNING, text, advice, figures)
    return Finding(_AREA, Verdict.OK, text, figures=figures)


def _why_closed(there: Path) -> tuple[str, str] | None:
    """Why nothing can be written to an existing directory, and what to do."""
    if not there.is_dir():
        return f"cannot be: {there} is a file", "Set state_directory to a folder."
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        return (
            "is on a file system that is mounted read-only",
            "The kernel does that after an error of the card: see `dmesg`. If it is meant, "
            "mount another one there.",
        )
    if not os.access(there, os.W_OK | os.X_OK):
        return (
            f"cannot be written by user {user()}",
            "The service makes it by itself. Otherwise set state_directory to a folder of yours.",
        )
    return None


def _waiting(contents: _Contents) -> str:
    if contents.waiting is None:
        return f"what waits there cannot be read ({contents.unknown})"
    return f"{contents.waiting or 'no'} records wait for the broker"


def _look_into(directory: Path, uid: str) -> _Contents:
    """As a daemon says that has the file open; else what is in it."""
    for path in candidates():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            status = ask(path)
            if status["uid"] == uid:
                return _Contents(int(status["records"]["waiting"]))
    if not (directory / FILE_NAME).exists():
        return _Contents(0)
    try:
        return _Contents(_count(directory))
    except (OSError, sqlite3.Error) as error:
        return _Contents(unknown=str(error))


def _count(directory: Path) -> int:
    """In a copy, with its log: even to look into the file itself would write beside it."""
    with tempfile.TemporaryDirectory(prefix="callbox-doctor-") as folder:
        for source in (directory / FILE_NAME, directory / f"{FILE_NAME}-wal"):
            if source.exists():
                shutil.copyfile(source, Path(folder) / source.name)
        with contextlib.closing(sqlite3.connect(Path(folder) / FILE_NAME)) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] == 0:
                # begun, and no more
                return 0
            query = "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM calls)"
            number: int = database.execute(query).fetchone()[0]
            return number
