"""Ten thousand simulated devices (no media) on one broker, with the collector and PostgreSQL beside
them: a steady load, a burst, and all of them coming back at once.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.bench.figures import Figure, percentile, spread
from tests.bench.process import cpu_seconds
from tests.bench.scene import Scene
from tests.fleet.postgresql import PostgreSql
from tests.fleet.simulation.fleet_world import FleetProcess, FleetWorld, peak_memory

DEVICES = 10_000
QUICK_DEVICES = 1000
# messages a second
RATE = 2000.0
MINUTES = 5.0
BURST = 10_000
# seconds; `mqtt.retry_longest` of a fleet, see docs/fleet.md
RETRY_LONGEST = 30.0
SEED = 16
# devices that crash and come back, each second
CRASHES = 1.0


@dataclass(slots=True)
class Load:
    """What processes used over a span, cores."""

    seconds: float
    messages: int
    collector: float
    broker: float
    devices: float
    database: float


async def measure_fleet(scene: Scene) -> list[Figure]:
    devices = QUICK_DEVICES if scene.quick else DEVICES
    seconds = 20.0 if scene.quick else (scene.minutes or MINUTES) * 60
    async with fleet_world(scene.folder, devices, RETRY_LONGEST) as (world, fleet):
        figures = await steady(world, fleet, devices, seconds)
        figures += await burst(world, fleet, devices, BURST // 10 if scene.quick else BURST)
        figures += await storm(world, fleet, devices)
        books = await fleet.books(scene.folder / "books.json")
        if not await world.until_stored("call", len(books["closed"])):
            print("some records did not come", file=sys.stderr)
        judged = await world.judge(books)
    return [
        *figures,
        Figure("records that devices were told are kept", judged.acknowledged, ""),
        Figure("of them not stored", len(judged.missing), "", 0),
        Figure("of them counted twice", judged.counted_twice, "", 0),
        Figure("other events not stored", judged.events_missing - len(judged.missing), "", 0),
    ]


@asynccontextmanager
async def fleet_world(
    folder: Path, devices: int, retry_longest: float
) -> AsyncIterator[tuple[FleetWorld, FleetProcess]]:
    """All of them connected."""
    with PostgreSql() as server:
        world = FleetWorld(folder, url=server.url)
        async with (
            world,
            FleetProcess.of(
                world.mosquitto.port, devices, retry_longest=retry_longest, seed=SEED
            ) as fleet,
        ):
            fleet.order("connect", devices / 1000)
            await fleet.until(lambda counts: counts["connected"] == devices)
            yield world, fleet


async def steady(
    world: FleetWorld, fleet: FleetProcess, devices: int, seconds: float
) -> list[Figure]:
    stop = asyncio.Event()
    probing = asyncio.create_task(world.watch_probes(fleet.seen, stop))
    fleet.order("crashes", CRASHES)
    fleet.order("rate", RATE)
    # the first records, and whatever the start still has to do
    await asyncio.sleep(5)
    world.delays.clear()
    with measured(world, fleet) as load:
        await asyncio.sleep(seconds)
    await settle(world, fleet, devices)
    stop.set()
    await probing
    used = load[0]
    delays = world.delays
    rate = used.messages / used.seconds
    details = spread(delays) | {"median": round(statistics.median(delays), 3)}
    return [
        Figure("messages a second", rate, "", None, {"seconds": round(used.seconds)}),
        Figure("fewer than wanted", max(0.0, RATE - rate), "", RATE * 0.02),
        Figure("publish to committed, p99", percentile(delays, 99), "s", 2.0, details),
        Figure("the collector uses", used.collector, "cores", 1.0),
        Figure("it uses", used.collector * used.seconds / used.messages * 1e4, "CPU-s per 10,000"),
        Figure("it has resident, at most", peak_memory(world.collector.pid), "MiB", 150.0),
        Figure("the broker uses", used.broker, "cores"),
        Figure("the broker has resident, at most", peak_memory(world.mosquitto.pid), "MiB"),
        Figure("the database uses", used.database, "cores"),
        Figure("the simulated devices use", used.devices, "cores"),
        Figure("records seen on their way", len(delays), "", None, {"lost": world.unanswered}),
    ]


@contextmanager
def measured(world: FleetWorld, fleet: FleetProcess) -> Iterator[list[Load]]:
    """Yields a list that has one `Load` when the context is left."""
    found: list[Load] = []

    def used() -> tuple[float, float, float, float]:
        return (
            cpu_seconds(world.collector.pid),
            cpu_seconds(world.mosquitto.pid),
            cpu_seconds(fleet.pid),
            database_seconds(),
        )

    before, sent, begun = used(), fleet.seen.counts["sent"], time.monotonic()
    yield found
    seconds = time.monotonic() - begun
    shares = [(now - then) / seconds for now, then in zip(used(), before, strict=True)]
    found.append(Load(seconds, fleet.seen.counts["sent"] - sent, *shares))


def database_seconds() -> float:
    """Of all PostgreSQL's processes on this machine."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "comm").read_text().strip() == "postgres":
                total += cpu_seconds(int(folder.name))
        except OSError:
            continue
    return total


async def settle(world: FleetWorld, fleet: FleetProcess, devices: int) -> None:
    """Until the last call has ended and every device has its answer, and all is stored."""
    await fleet.settle(devices)
    last = -1
    while (now := await world.count("event")) != last:
        last = now
        await asyncio.sleep(1)


async def burst(world: FleetWorld, fleet: FleetProcess, devices: int, records: int) -> list[Figure]:
    """As fast as the devices can."""
    before = await world.count("call")
    begun = time.monotonic()
    fleet.order("burst", records, 1)
    arrived = await world.until_stored("call", before + records)
    seconds = time.monotonic() - begun
    await settle(world, fleet, devices)
    return [
        Figure(
            f"{records} records at once, until the last is committed",
            seconds if arrived else float("inf"),
            "s",
            10.0,
        )
    ]


async def storm(world: FleetWorld, fleet: FleetProcess, devices: int) -> list[Figure]:
    """The broker restarts in good order, and everybody comes back."""
    before = dict(fleet.seen.counts)
    world.mosquitto.stop()
    await fleet.until(lambda counts: counts["connected"] == 0)
    down_at = len(fleet.seen.history)
    world.mosquitto.start()
    begun = time.monotonic()
    await fleet.until(lambda counts: counts["connected"] == devices)
    back = time.monotonic() - begun
    arrived = dict(fleet.seen.counts)
    # whoever is thrown out again would come back within the longest pause
    await asyncio.sleep(RETRY_LONGEST + 5)
    after = fleet.seen.counts
    history = fleet.seen.history[down_at:]
    peak = max(
        (b["connects"] - a["connects"]) / max(0.1, at - then)
        for (then, a), (at, b) in pairwise(history)
    )
    return [
        Figure("all back after the broker's return", back, "s", 60.0),
        Figure("connections a second, at most", peak, ""),
        Figure(
            "attempts for each connection",
            (arrived["attempts"] - before["attempts"]) / devices,
            "",
        ),
        Figure("lost again afterwards", after["lost"] - arrived["lost"], "", 0),
        Figure("devices without a connection", devices - after["connected"], "", 0),
        Figure("collectors that ended", float(not world.collector.running), "", 0),
    ]
