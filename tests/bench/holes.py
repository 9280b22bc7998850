"""Holes in the path of the media, a change of address, and a caller that vanishes: how soon all is
well again.

Chromium is the viewer, across a link between two network namespaces; the signalling does not take
the link, but where it says so.
"""

from __future__ import annotations

import asyncio
import time

from tests.bench.figures import Figure
from tests.bench.scene import Scene
from tests.e2e.device import UID
from tests.faults.scene import Scene as Setting
from tests.faults.scene import paged_scene, scene

HOLES = (1.0, 3.0, 5.0, 10.0, 30.0)  # seconds
QUICK = (1.0, 5.0)
# seconds of picture before and after
STEADY = 2.0


async def measure_holes(bench: Scene) -> list[Figure]:
    found = [await _hole(bench, seconds) for seconds in (QUICK if bench.quick else HOLES)]
    found += [
        await _hole_in_page(bench, seconds) for seconds in (QUICK if bench.quick else HOLES)[1:]
    ]
    found += [await _address(bench, signaling_too=too) for too in (False, True)]
    return [*found, *await _vanished(bench)]


async def _hole(bench: Scene, seconds: float) -> Figure:
    async with scene(bench.folder, bench.mosquitto, bench.watcher) as at:
        viewing = await at.call(measure=False)
        await asyncio.sleep(STEADY)
        began = time.time()
        await at.link.change(up=False)
        await asyncio.sleep(began + seconds - time.time())
        returned = time.time()
        await at.link.change(up=True)
        await viewing.next_picture()
        await asyncio.sleep(STEADY)
        pictures = [picture.at for picture in await viewing.pictures(returned, time.time())]
        freeze = await viewing.longest_freeze(pictures[0], time.time())
        record = await _hang_up(bench, at)
    details = {"reconnects": record["reconnects"], "longest freeze after that": round(freeze, 3)}
    return Figure(
        f"hole of {seconds:g} s: picture back after", pictures[0] - returned, "s", 1, details
    )


async def _hole_in_page(bench: Scene, seconds: float) -> Figure:
    """The same with the page as the viewer, which makes its own offers besides."""
    async with paged_scene(bench.folder, bench.mosquitto, bench.watcher) as (link, visitor):
        await visitor.call()
        await asyncio.sleep(STEADY)
        began = time.time()
        await link.change(up=False)
        await asyncio.sleep(began + seconds - time.time())
        await link.change(up=True)
        returned = time.time()
        await visitor.frames(1)
        back = time.time() - returned
        await asyncio.sleep(STEADY)
        await visitor.frames(10)
        mark = len(bench.watcher.messages)
        await visitor.hang_up()
        record = await bench.watcher.wait(f"{UID}/events/closed", after=mark)
    details = {"reconnects": record["reconnects"], "reason": record["reason"]}
    return Figure(f"hole of {seconds:g} s, in the page: picture back after", back, "s", 1, details)


async def _address(bench: Scene, *, signaling_too: bool) -> Figure:
    async with scene(
        bench.folder, bench.mosquitto, bench.watcher, signaling_too=signaling_too
    ) as at:
        viewing = await at.call(measure=False)
        await asyncio.sleep(STEADY)
        moved = time.time()
        await at.network.move()
        await at.caller.until("caller.seen.renewals > 0")
        await viewing.next_picture()
        back = time.time() - moved
        record = await _hang_up(bench, at)
    what = "another address, for the broker too" if signaling_too else "another address"
    return Figure(f"{what}: picture back after", back, "s", 5, {"reconnects": record["reconnects"]})


async def _vanished(bench: Scene) -> list[Figure]:
    """No packet and no word any more, as of a process that was killed."""
    async with scene(bench.folder, bench.mosquitto, bench.watcher) as at:
        await at.call(measure=False)
        await asyncio.sleep(STEADY)
        mark, gone = len(bench.watcher.messages), time.time()
        at.caller.fall_silent()
        await at.link.change(up=False)
        await bench.watcher.wait(f"{UID}/status", lambda status: not status["busy"], after=mark)
        freed = time.time() - gone
    return [Figure("caller vanished: device free after", freed, "s", 10)]


async def _hang_up(bench: Scene, at: Setting) -> dict[str, int]:
    mark = len(bench.watcher.messages)
    await at.caller.hang_up()
    record: dict[str, int] = await bench.watcher.wait(f"{UID}/events/closed", after=mark)
    return record
