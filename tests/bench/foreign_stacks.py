"""Calls of foreign WebRTC stacks, each way: whether all connect, and how soon the first picture is
there, beside Chromium in the same run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from _pytest.outcomes import Skipped

from tests.bench.figures import Figure, NotMeasured, spread
from tests.bench.scene import Scene, Turnstile
from tests.foreign.line import DOOR, Line
from tests.foreign.stack import STACKS, Kind, Stack, running

# times Chromium's median
FIRST_PICTURE_TARGET = 1.5
BESIDE = "chromium"
DIRECTIONS = {"offer": "calls a device", "answer": "is called by a device"}


async def measure_foreign(scene: Scene) -> list[Figure | NotMeasured]:
    found: list[Figure | NotMeasured] = []
    for role in DIRECTIONS:
        found += await measure_direction(scene, role)
    return found


async def measure_direction(scene: Scene, role: str) -> list[Figure | NotMeasured]:
    """All stacks in turns, so that what else the machine does meets all of them alike."""
    kinds, found = [], list[Figure | NotMeasured]()
    for kind in STACKS:
        try:
            kind.command(role)
            kinds.append(kind)
        except Skipped as reason:
            found.append(NotMeasured(f"{kind.name} {DIRECTIONS[role]}", str(reason)))
    calls = scene.count(20, 3)
    times: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    turnstile = Turnstile()
    async with scene.device(), AsyncExitStack() as programs:
        kept = {
            kind.name: await programs.enter_async_context(
                running(kind, role, scene.folder / f"{kind.name}.log")
            )
            for kind in kinds
            if kind.starts_again
        }
        for number in range(calls):
            for kind in kinds:
                # also those of the device: a picture must not wait for the turn of its key frame,
                # as one does that follows another within a third of a second
                await turnstile.wait()
                line = Line(scene.watcher, f"{kind.name}-{number // 8}")
                async with _ready(scene, kind, role, kept.get(kind.name)) as stack:
                    await _call(scene, kind, role, stack, line, times[kind.name])
    return found + [each for kind in kinds for each in _figures(kind, role, times, calls)]


@asynccontextmanager
async def _ready(scene: Scene, kind: Kind, role: str, kept: Stack | None) -> AsyncIterator[Stack]:
    """What starts again runs once, as it does for its users; the others run anew for each call."""
    if kept is None:
        async with running(kind, role, scene.folder / f"{kind.name}.log") as stack:
            yield stack
    else:
        yield kept
        await kept.start_again()


async def _call(
    scene: Scene, kind: Kind, role: str, stack: Stack, line: Line, times: list[float]
) -> None:
    began = 0.0
    try:
        if role == "offer":
            offer = (await stack.wait("offer"))["sdp"]
            began = time.time()
            line.invite(offer)
            await stack.do("describe", sdp=(await line.heard("response"))["sdp"])
        else:
            scene.watcher.publish(f"{DOOR}/command/call", {"to": [line.uid]})
            invite = await line.heard("invite")
            line.conversation = invite["conversation"]
            await stack.do("describe", sdp=invite["sdp"])
            answer = (await stack.wait("answer"))["sdp"]
            # until then its program starts, which is no time of a call
            began = time.time()
            line.send("response", callStatus="ACCEPTED", sdp=answer)
        await stack.wait("picture")
        times.append(1e3 * (stack.times["picture"] - began))
    except (AssertionError, TimeoutError, KeyError) as error:
        print(f"{kind.name} {DIRECTIONS[role]}: {error}")
    line.send("close", reason="user_hangup")
    await line.closed()


def _figures(kind: Kind, role: str, times: dict[str, list[float]], calls: int) -> list[Figure]:
    what, own, other = f"{kind.name} {DIRECTIONS[role]}", times[kind.name], times.get(BESIDE)
    found = [Figure(f"{what}: calls without a picture", calls - len(own), "", 0)]
    if not own or not other:
        return found
    median, beside = statistics.median(own), statistics.median(other)
    details = {"ms": round(median, 1), **spread(own)}
    target = None if kind.name == BESIDE else FIRST_PICTURE_TARGET
    unit = f"of {BESIDE}'s"
    found.append(Figure(f"{what}: first picture", median / beside, unit, target, details))
    if pause := 1e3 * kind.pauses.get(role, 0):
        name = f"{what}: first picture but for its own pause of {pause:g} ms"
        found.append(Figure(name, (median - pause) / beside, unit, target))
    return found
