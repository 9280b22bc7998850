"""What a process uses, read from /proc."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict, dataclass
from pathlib import Path

MIB = 1 << 20
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Memory in MiB. `private` is what ending the process would free; it and `proportional` are 0
    where unreadable.
    """

    resident: float
    proportional: float
    private: float
    files: int
    threads: int

    def as_json(self) -> dict[str, float]:
        return {name: round(value, 2) for name, value in asdict(self).items()}


def usage(pid: int) -> Usage:
    folder = Path(f"/proc/{pid}")
    status = _fields(folder / "status")
    try:
        rollup = _fields(folder / "smaps_rollup")
    except OSError:
        rollup = {}
    private = rollup.get("Private_Clean", 0) + rollup.get("Private_Dirty", 0)
    return Usage(
        resident=status["VmRSS"] * 1024 / MIB,
        proportional=rollup.get("Pss", 0) * 1024 / MIB,
        private=private * 1024 / MIB,
        files=len(list((folder / "fd").iterdir())),
        threads=status["Threads"],
    )


async def settled(pid: int, within: float = 3.0) -> Usage:
    """Usage with the fewest files and threads of a while: those of a call that is over may need a
    moment to go.
    """
    fewest = usage(pid)
    for _ in range(round(within / 0.1)):
        await asyncio.sleep(0.1)
        now = usage(pid)
        if (now.files, now.threads) <= (fewest.files, fewest.threads):
            fewest = now
    return fewest


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _fields(path: Path) -> dict[str, int]:
    """`Name: number kB` lines."""
    pairs = (line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    return {
        name: int(value.split()[0])
        for name, value in pairs
        if value.split() and value.split()[0].isdigit()
    }
