"""Calls across kills of the device and of its broker: are all of them on record, once, and how soon
does it go on?

The seed is printed, and taken from KILLS_SEED where that is set.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import sys
from collections import Counter, defaultdict
from pathlib import Path

from tests.bench.figures import Figure, spread
from tests.bench.scene import Scene
from tests.bench.setup_time import stock_offer
from tests.faults.kills import STRIKES, World, choose, next_accepted, strike
from tests.faults.victims import Victims

# at the time of each kill
CALLS = 10
# seconds from the broker's return to the next accepted call
BROKER_TARGET = 5.0
QUIET_CALLS = 20


async def measure_kills(scene: Scene) -> list[Figure]:
    seed = int(os.environ.get("KILLS_SEED") or random.randrange(1 << 32))
    print(f"seed {seed}", file=sys.stderr, flush=True)
    chance = random.Random(seed)
    folder = scene.folder / "kills"
    folder.mkdir()
    async with (
        Victims.alive(folder) as victims,
        World.watching(victims.mosquitto, await stock_offer()) as world,
    ):
        if not await world.until(lambda: world.online):
            raise RuntimeError(f"the device does not come: {victims.log.read_text()}")
        written = await bytes_per_call(world, victims)
        kinds: Counter[str] = Counter()
        returns: dict[str, list[float]] = defaultdict(list)
        for _ in range(scene.count(100, 10)):
            kind = choose(chance)
            kinds[kind] += 1
            returns[kind].append(await kill_amid_calls(world, victims, kind, chance))
        await world.until(lambda: not (world.books.lost or world.books.unheard))
        await victims.end_device(signal.SIGTERM)
        left = victims.left_over()
    log = victims.log.read_text()
    return [*judge(world, kinds, left, log, seed), *delays(returns), written]


async def kill_amid_calls(
    world: World, victims: Victims, kind: str, chance: random.Random
) -> float:
    """Seconds from the return of what was killed to the next call that is accepted."""
    async with asyncio.TaskGroup() as calls:
        for number in range(CALLS):
            calls.create_task(
                some_call(world, number, chance.uniform(0.0, 1.0), chance.uniform(0.0, 0.3))
            )
        await asyncio.sleep(chance.uniform(0.0, 1.2))
        outage = (
            chance.uniform(0.0, 2.0) if STRIKES[kind][1] is not None else chance.uniform(0.0, 0.3)
        )
        back = await strike(victims, kind, outage)
        return await next_accepted(world) - back


async def some_call(world: World, number: int, delay: float, hold: float) -> None:
    await asyncio.sleep(delay)
    if number == 0:
        world.be_called()
    elif number == 1:
        world.change_ones_mind()
    elif number == 2:
        await world.call_and_see(hold)
    else:
        await world.call(hold)


async def bytes_per_call(world: World, victims: Victims) -> Figure:
    """What calls that nothing happens to write to the disk, the log included."""
    before = _written(victims.pid)
    for _ in range(QUIET_CALLS):
        await world.call(0.0)
    await world.until(lambda: not world.books.lost)
    return Figure(
        "bytes written to the disk a call",
        (_written(victims.pid) - before) / QUIET_CALLS / 1024,
        "KiB",
    )


def _written(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def judge(world: World, kinds: Counter[str], left: list[str], log: str, seed: int) -> list[Figure]:
    books = world.books
    details = {
        "seed": seed,
        "kills": dict(kinds),
        "begun": len(books.begun),
        "accepted": len(books.accepted),
        "refused": len(books.refused),
        "closed": len(books.closed),
        "reasons": dict(books.reasons),
    }
    return [
        Figure(
            "calls without a record",
            len(books.lost),
            "",
            0,
            {**details, "which": sorted(books.lost)},
        ),
        Figure(
            "calls with a second record",
            len(books.doubled),
            "",
            0,
            {"which": sorted(books.doubled)},
        ),
        Figure(
            "records of calls that nobody began",
            len(books.invented),
            "",
            0,
            {"which": sorted(books.invented)},
        ),
        Figure("accepted calls without a record", len(books.accepted - books.closed.keys()), "", 0),
        Figure(
            "invitations that nobody heard of again",
            len(books.unheard),
            "",
            None,
            {"which": sorted(books.unheard)},
        ),
        Figure("records delivered once more", books.delivered_again, ""),
        Figure("files and rows left over", len(left), "", 0, {"which": left}),
        Figure("tracebacks in the log", log.count("Traceback"), "", 0),
    ]


def delays(returns: dict[str, list[float]]) -> list[Figure]:
    figures = []
    for title, target, killed in (
        ("the broker's return", BROKER_TARGET, "broker"),
        ("the start of a device", None, "device"),
    ):
        times = [
            each for kind, found in returns.items() if kind.startswith(killed) for each in found
        ]
        if times:
            details = spread(times)
            name = f"from {title} to the next accepted call"
            figures.append(Figure(f"{name}, median", statistics.median(times), "s", None, details))
            figures.append(Figure(f"{name}, 95 %", details["p95"], "s"))
            figures.append(Figure(f"{name}, worst", details["max"], "s", target))
    return figures
