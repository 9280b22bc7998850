"""Thousands of calls of every kind against one device process: what grows with them, and what they
leave behind.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.service.status_client import SOCKET_NAME, ask
from agent.signaling.outbox.store import FILE_NAME
from tests.bench.figures import Figure
from tests.bench.hostile import HOSTILE_KINDS
from tests.bench.leftovers import END, MARK
from tests.bench.mix import KINDS, POLICY, Kind
from tests.bench.process import usage
from tests.bench.scene import Scene
from tests.bench.slopes import Point, after, left_over, slope
from tests.bench.telephone import Telephone
from tests.conftest import Mosquitto
from tests.e2e.device import UID, Program, Watcher
from tests.waiting import until

MINUTES = 30.0
# calls, after which the device is let come to rest
ROUND = 100
AT_ONCE = 6
# calls that fill what a device remembers of calls: 512 answers, 1024 pairs of a rule and a caller
WARM = 1200
# seconds within which a device must be at rest after its last call
REST = 25.0
SLOPE_TARGET = 1.0  # kB a call
SEED = 7
MIX = HOSTILE_KINDS | KINDS
COUNTED = ("descriptors", "threads", "tasks", "temporary_files", "state_files")
CONFIGURATION = """
max_conversations = {most}
state_directory = "{folder}/state"
commands = ["close", "reject", "mute", "reload", "call", "accept", "snapshot", "policy", "volume"]
uid = "{uid}"
[mqtt]
port = {port}
[audio]
capture = "pattern"
playback = "none"
[call]
setup_timeout = 6.0
[video]
source = "pattern"
width = 320
height = 240
bitrate = 300_000
linger = 0
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A device at rest. Memory in kB."""

    calls: int
    resident: float
    private: float
    descriptors: int
    threads: int
    tasks: int
    temporary_files: int
    state_files: int

    def holds_more_than(self, other: Sample) -> bool:
        return any(getattr(self, name) > getattr(other, name) for name in COUNTED)


class Soak:
    """One device under calls, watched from outside. All that it may write lies below `folder`."""

    def __init__(
        self, program: Program, telephone: Telephone, folder: Path, at_once: int = AT_ONCE
    ) -> None:
        self.program = program
        self.samples: list[Sample] = []
        self.faults: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self._telephone = telephone
        self._at_once = at_once
        self._folder = folder
        self._random = random.Random(SEED)

    @property
    def calls(self) -> int:
        return self.kinds.total()

    async def run(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        self.samples.append(await self.rest())
        while time.monotonic() < deadline:
            await self.make(self._random.choices(list(MIX), list(MIX.values()), k=ROUND))
            self.samples.append(await self.rest())
            print(self.samples[-1], dict(self.faults) or "", file=sys.stderr, flush=True)

    async def make(self, kinds: Sequence[Kind]) -> None:
        """These calls, a few at once."""
        waiting = iter(kinds)

        async def work() -> None:
            for kind in waiting:
                self.kinds[kind.__name__] += 1
                try:
                    await kind(self._telephone, f"soak-{self.calls}")
                except (RuntimeError, TimeoutError) as fault:
                    self.faults[f"{kind.__name__}: {fault or 'not in time'}"] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(work())
        self._telephone.lines.clear()

    async def rest(self) -> Sample:
        """The device once its last call's sockets, threads and tasks are gone; or as it is when
        time is up.
        """
        deadline = time.monotonic() + REST
        while True:
            status = await asyncio.to_thread(ask, self._folder / "run" / SOCKET_NAME)
            now = self._sample(status["tasks"])
            at_rest = not status["calls"] and not (
                self.samples and now.holds_more_than(self.samples[0])
            )
            if at_rest or time.monotonic() > deadline:
                if not at_rest:
                    print(*await held_by(self.program), sep="\n", file=sys.stderr, flush=True)
                return now
            await asyncio.sleep(0.2)

    def rows(self) -> int:
        """What lies in the outbox of a device that has ended."""
        with closing(sqlite3.connect(self._folder / "state" / FILE_NAME)) as database:
            return sum(
                database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
                for name in ("events", "calls")
            )

    def _sample(self, tasks: int) -> Sample:
        used = usage(self.program.pid)
        return Sample(
            calls=self.calls,
            resident=used.resident * 1024,
            private=used.private * 1024,
            descriptors=used.files,
            threads=used.threads,
            tasks=tasks,
            temporary_files=_files(self._folder / "tmp") + _shared_memory(self.program.pid),
            state_files=_files(self._folder / "state"),
        )


@asynccontextmanager
async def soaking(
    folder: Path, mosquitto: Mosquitto, watcher: Watcher, *, at_once: int = AT_ONCE, extra: str = ""
) -> AsyncIterator[Soak]:
    """A device with `extra` settings that admits any number of calls; ended on leaving."""
    for name in ("run", "tmp", "state"):
        (folder / name).mkdir()
    config = folder / "soak.toml"
    # one that is over may still be there when the next one comes
    known = CONFIGURATION.format(folder=folder, uid=UID, port=mosquitto.port, most=at_once + 2)
    config.write_text(known + POLICY + extra)
    program = await Program.start(
        folder / "device.log",
        *("run", "--config", str(config)),
        module="tests.bench.unlimited",
        env={"RUNTIME_DIRECTORY": str(folder / "run"), "TMPDIR": str(folder / "tmp")},
    )
    try:
        await watcher.wait(f"{UID}/status", lambda body: body["state"] == "online")
        async with Telephone.connected(mosquitto) as telephone:
            yield Soak(program, telephone, folder, at_once)
    finally:
        await program.end()


async def held_by(program: Program) -> list[str]:
    """Its threads and tasks, by name."""
    before = len(program.log())
    os.kill(program.pid, signal.SIGUSR2)
    await until(lambda: END in program.log()[before:])
    return [each for each in program.log()[before:].splitlines() if each.startswith(MARK)]


async def measure_soak(scene: Scene) -> list[Figure]:
    """Of the length that `--minutes` gives, or `MINUTES`."""
    async with soaking(scene.folder, scene.mosquitto, scene.watcher) as soak:
        await soak.run(60 * (scene.minutes or MINUTES))
    tracebacks = soak.program.log().count("Traceback")
    return [
        *figures(soak),
        Figure("tracebacks in the device's log", tracebacks, "", 0),
        Figure("rows left in the outbox", soak.rows(), "", 0),
    ]


def figures(soak: Soak) -> list[Figure]:
    """Memory by its slope, the rest by what is left over: of each, what must not be there is 0."""
    samples = [asdict(sample) for sample in soak.samples]
    warm = [sample for sample in samples if sample["calls"] >= min(WARM, soak.calls / 2)]

    def points(name: str) -> list[Point]:
        return [(sample["calls"], sample[name]) for sample in warm]

    span = f"over {soak.calls} calls"
    late = after(points("resident"), soak.calls / 2)
    result = [
        Figure(
            f"calls that did not go as they should, of {soak.calls}",
            soak.faults.total(),
            "",
            0,
            dict(soak.faults),
        ),
        Figure(
            f"slope of resident memory {span}", slope(points("resident")), "kB a call", SLOPE_TARGET
        ),
        Figure("slope of resident memory, second half", slope(late), "kB a call", SLOPE_TARGET),
        Figure(f"slope of private memory {span}", slope(points("private")), "kB a call"),
    ]
    for name in COUNTED:
        left = left_over(points(name))
        result.append(Figure(f"{name.replace('_', ' ')} left {span}", left, "", 0))
    result[0].details["kinds"] = dict(soak.kinds)
    result[1].details["samples"] = samples
    return result


def _files(folder: Path) -> int:
    return sum(each.is_file() for each in folder.rglob("*"))


def _shared_memory(pid: int) -> int:
    """What a process has in /dev/shm."""
    return len(
        {
            line.split()[-1]
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines()
            if "/dev/shm/" in line
        }
    )
