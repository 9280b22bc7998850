"""A broker, a collector with its store, and simulated devices, each a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from agent.fleet.collector_service import open_store
from agent.fleet.collector_settings import load_collector_settings
from agent.fleet.fleet_store import Row, StoreUnavailable
from tests.conftest import Mosquitto
from tests.fleet.samples import PREFIX
from tests.fleet.simulation.simulated_fleet import raise_file_limit

# seconds
PATIENCE = 240.0
_PROBE_INTERVAL = 0.05
# as docs/fleet.md recommends it
BROKER_LINES = (
    "persistence true",
    "max_queued_messages 0",
    "autosave_on_changes false",
)


@dataclass(slots=True)
class Seen:
    """What the process of the devices has told, the latest last."""

    counts: dict[str, int] = field(default_factory=dict)
    at: float = 0.0
    history: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    probes: list[tuple[str, str, float]] = field(default_factory=list)
    books: str = ""


class FleetProcess:
    """The simulated devices. `order` tells them what to do."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.seen = Seen()
        self.pid = process.pid
        self._marks = 0
        self._process = process
        self._reading = asyncio.create_task(self._read())

    @classmethod
    @asynccontextmanager
    async def of(
        cls, port: int, devices: int, *, retry_longest: float, seed: int
    ) -> AsyncIterator[Self]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fleet.simulation.simulated_fleet"),
            *(str(each) for each in (port, devices, PREFIX, retry_longest, seed)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        fleet = cls(process)
        try:
            yield fleet
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await fleet._reading

    def order(self, *words: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())

    async def until(
        self, condition: Callable[[dict[str, int]], bool], within: float = PATIENCE
    ) -> dict[str, int]:
        """Wait for counts that fulfil it."""
        async with asyncio.timeout(within):
            while not self.seen.counts or not condition(self.seen.counts):
                if self._process.returncode is not None:
                    raise RuntimeError("the simulated devices have ended")
                await asyncio.sleep(0.05)
        return self.seen.counts

    async def until_acknowledged(self, more: int) -> None:
        """Wait until the broker has acknowledged so many more events."""
        wanted = self.seen.counts["acknowledged"] + more
        await self.until(lambda counts: counts["acknowledged"] >= wanted)

    async def settle(self, devices: int) -> None:
        """End the load, and wait until every call has ended, every device is back, and the broker
        has acknowledged all that they said.
        """
        self._marks += 1
        self.order("rate", 0)
        self.order("crashes", 0)
        self.order("mark", self._marks)
        await self.until(
            lambda counts: (
                counts["mark"] == self._marks
                and counts["connected"] == devices
                and not (counts["due"] or counts["waiting"])
            )
        )

    async def books(self, file: Path) -> dict[str, Any]:
        self.order("books", file)
        await self.until(lambda _: self.seen.books == str(file))
        self.seen.books = ""
        return await asyncio.to_thread(_read_json, file)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "counts" in told:
                self.seen.counts, self.seen.at = told["counts"], told["at"]
                self.seen.history.append((told["at"], told["counts"]))
            elif "probe" in told:
                uid, event_id, at = told["probe"]
                self.seen.probes.append((uid, event_id, at))
            else:
                self.seen.books = told["books"]


class CollectorProcess:
    """The real collector, started and killed as often as one likes."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._log = config.with_suffix(".log")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "agent", "collect", "--config", str(self._config)),
                stdout=log,
                stderr=log,
            )

    async def until_connected(self) -> None:
        """For the first start: the broker has its session from then on."""
        async with asyncio.timeout(PATIENCE):
            while "connected to the broker" not in self.log():
                if not self.running:
                    raise RuntimeError(self.log())
                await asyncio.sleep(0.1)

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(number)
            await process.wait()


class FleetWorld:
    """`url` names a PostgreSQL; SQLite without. `metrics` is a port on which they are served."""

    def __init__(
        self, folder: Path, *, url: str | None, autosave: int = 30, metrics: int | None = None
    ) -> None:
        raise_file_limit(20_000)
        self.mosquitto = Mosquitto(
            folder,
            lines=(
                *BROKER_LINES,
                f"persistence_location {folder}/",
                f"autosave_interval {autosave}",
            ),
            verbose=False,
        )
        config = folder / "collector.toml"
        store = "" if url is None else f'[store]\nurl = "{url}"\n'
        if metrics is not None:
            store += f"[web]\nport = {metrics}\n"
        config.write_text(
            f'state_directory = "{folder}/state"\n[mqtt]\nport = {self.mosquitto.port}\n{store}'
        )
        self.folder = folder
        self.delays: list[float] = []
        self.unanswered = 0
        self.collector = CollectorProcess(config)
        self._settings = load_collector_settings(config, environ={})

    async def __aenter__(self) -> Self:
        self.mosquitto.start()
        await self.collector.start()
        await self.collector.until_connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.collector.end(signal.SIGTERM)
        self.mosquitto.stop()

    def ask(self, sql: str, *parameters: object) -> list[Row]:
        """A question to the store, beside the collector. Empty while it is away."""
        store = open_store(self._settings, read_only=True)
        try:
            return store.query(sql, parameters)
        except StoreUnavailable:
            return []
        finally:
            store.close()

    async def count(self, table: str) -> int:
        rows = await asyncio.to_thread(self.ask, f"SELECT COUNT(*) AS n FROM {table}")
        return int(rows[0]["n"]) if rows else -1

    async def until_stored(self, table: str, number: int, within: float = PATIENCE) -> bool:
        """Whether it is there in time."""
        deadline = time.monotonic() + within
        while await self.count(table) < number:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.2)
        return True

    async def watch_probes(self, seen: Seen, stop: asyncio.Event) -> None:
        """Until `stop` is set: seconds from a device's publishing to where a reader of the store
        finds it, at most `_PROBE_INTERVAL` too long, in `delays`.
        """
        delays = self.delays
        store = open_store(self._settings, read_only=True)
        outstanding: dict[tuple[str, str], float] = {}
        taken = 0
        try:
            # not by a cancellation, as the thread uses the connection
            while not stop.is_set():
                for uid, event_id, at in seen.probes[taken:]:
                    outstanding[uid, event_id] = at
                taken = len(seen.probes)
                found = await asyncio.to_thread(_found, store, list(outstanding))
                delays.extend(time.monotonic() - outstanding.pop(key) for key in found)
                await asyncio.sleep(_PROBE_INTERVAL)
        finally:
            store.close()
            self.unanswered = len(outstanding)

    async def judge(self, books: dict[str, Any]) -> Judgement:
        """Compare what devices were told is kept with what is kept."""
        rows = await asyncio.to_thread(self.ask, "SELECT event_id FROM call")
        stored = {row["event_id"] for row in rows}
        hours = await asyncio.to_thread(self.ask, "SELECT SUM(calls) AS n FROM call_hour")
        events = await asyncio.to_thread(self.ask, "SELECT event_id FROM event")
        at = books["acknowledgedAt"]
        closed = set(books["closed"])
        kept = {each for each in closed if at[each]}
        return Judgement(
            acknowledged=len(kept),
            missing={each: at[each] for each in kept - stored},
            invented=stored - closed,
            counted_twice=int(hours[0]["n"] or 0) - len(stored),
            events_missing=len({e for e in at if at[e]} - {row["event_id"] for row in events}),
        )


@dataclass(slots=True)
class Judgement:
    """`counted_twice` is by how many the sums by the hour differ from the records."""

    acknowledged: int
    missing: dict[str, float]
    invented: set[str]
    counted_twice: int
    events_missing: int


def _read_json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _found(store: Any, keys: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if not keys:
        return []
    marks = ", ".join(["(?, ?)"] * len(keys))
    rows = store.query(
        f"SELECT device, event_id FROM event WHERE (device, event_id) IN (VALUES {marks})",
        [part for key in keys for part in key],
    )
    return [(row["device"], row["event_id"]) for row in rows]


def peak_memory(pid: int) -> float:
    """MiB that a process had resident at most."""
    text = Path(f"/proc/{pid}/status").read_text()
    line = next(each for each in text.splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
