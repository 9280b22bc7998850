"""Records across kills: the collector at any moment, PostgreSQL, and the broker in good order; and,
counted apart, the broker without a word.

The seed is printed, and taken from KILLS_SEED where that is set.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.bench.figures import Figure
from tests.bench.scene import Scene
from tests.fleet.postgresql import PostgreSql
from tests.fleet.simulation.fleet_world import FleetProcess, FleetWorld

DEVICES = 1000
# messages a second
RATE = 400.0
KILLS = 100
BROKER_KILLS = 5
# seconds between two saves of the broker: docs/fleet.md says 30
AUTOSAVE = 5
# looks, a second apart, at a number of events that stays the same
STILL = 25
_KINDS = ("collector", "collector", "database", "database_at_once", "broker")


@dataclass(slots=True)
class Parts:
    """What can be killed."""

    world: FleetWorld
    fleet: FleetProcess
    server: PostgreSql

    async def kill(self, kind: str, away: float) -> None:
        match kind:
            case "collector":
                await self.world.collector.end()
                await asyncio.sleep(away)
                await self.world.collector.start()
            case "database" | "database_at_once":
                how = signal.SIGINT if kind == "database" else signal.SIGQUIT
                await asyncio.to_thread(self.server.stop, how)
                await asyncio.sleep(away)
                await asyncio.to_thread(self.server.start)
            case "broker":
                await asyncio.to_thread(self.world.mosquitto.stop)
                await asyncio.sleep(away)
                await asyncio.to_thread(self.world.mosquitto.start)


async def measure_fleet_kills(scene: Scene) -> list[Figure]:
    seed = int(os.environ.get("KILLS_SEED") or random.randrange(1 << 32))
    print(f"seed {seed}", file=sys.stderr, flush=True)
    chance = random.Random(seed)
    with PostgreSql() as server:
        world = FleetWorld(scene.folder, url=server.url, autosave=AUTOSAVE)
        async with (
            world,
            FleetProcess.of(world.mosquitto.port, DEVICES, retry_longest=3.0, seed=seed) as fleet,
        ):
            parts = Parts(world, fleet, server)
            fleet.order("connect", 1)
            await fleet.until(lambda counts: counts["connected"] == DEVICES)
            fleet.order("crashes", 1)
            fleet.order("rate", RATE)
            kinds: Counter[str] = Counter()
            for _ in range(scene.count(int(scene.messages or KILLS), 5)):
                await asyncio.sleep(chance.uniform(0.1, 2.0))
                kind = chance.choice(_KINDS)
                kinds[kind] += 1
                await parts.kill(kind, chance.uniform(0.0, 1.0))
            figures = await judge(parts, {"seed": seed, **kinds})
            figures += await kill_broker(parts, scene.count(BROKER_KILLS, 1), chance)
    return figures


async def judge(parts: Parts, details: dict[str, int]) -> list[Figure]:
    books = await finish(parts)
    judged = await parts.world.judge(books)
    return [
        Figure(
            "records that devices were told are kept", judged.acknowledged, "", None, dict(details)
        ),
        Figure("of them not stored", len(judged.missing), "", 0),
        Figure("of them counted twice", judged.counted_twice, "", 0),
        Figure("other events not stored", judged.events_missing - len(judged.missing), "", 0),
        Figure("records that nobody published", len(judged.invented), "", 0),
        Figure("tracebacks in the log", parts.world.collector.log().count("Traceback"), "", 0),
    ]


async def finish(parts: Parts) -> dict[str, Any]:
    """Stop the load, and wait for all that can still come."""
    await parts.fleet.settle(DEVICES)
    last, still = -1, 0
    # a store that was away is tried again after 15 s, and a broker after 3
    while still < STILL:
        now = await parts.world.count("event")
        still = still + 1 if now == last else 0
        last = now
        await asyncio.sleep(1)
    return await parts.fleet.books(parts.world.folder / "books.json")


async def kill_broker(parts: Parts, times: int, chance: random.Random) -> list[Figure]:
    """Without a word, while the collector is away for a while: what it has acknowledged since its
    last save is gone, and nothing else may be.
    """
    world = parts.world
    known = await world.judge(await parts.fleet.books(world.folder / "before.json"))
    killed_at = []
    parts.fleet.order("rate", RATE)
    for _ in range(times):
        await asyncio.sleep(AUTOSAVE + 1)
        await world.collector.end()
        await asyncio.sleep(chance.uniform(1.0, AUTOSAVE))
        await asyncio.to_thread(world.mosquitto.kill)
        killed_at.append(time.monotonic())
        await asyncio.to_thread(world.mosquitto.start)
        await world.collector.start()
        await parts.fleet.until(lambda counts: counts["connected"] == DEVICES)
    judged = await world.judge(await finish(parts))
    # the save itself, and a loaded machine, take a while
    unsaved = {
        event_id
        for event_id, at in judged.missing.items()
        if any(0 <= kill - at <= AUTOSAVE + 3 for kill in killed_at)
    }
    return [
        Figure("kills of the broker", times, ""),
        Figure("records acknowledged meanwhile", judged.acknowledged - known.acknowledged, ""),
        Figure("of them lost with the broker: not yet saved", len(unsaved), ""),
        Figure("lost otherwise", len(judged.missing.keys() - unsaved), "", 0),
        Figure("counted twice", judged.counted_twice, "", 0),
    ]
