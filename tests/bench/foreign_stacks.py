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
    async with scene.device(), AsyncExitStack() as browsers:
        kept = {
            kind.name: await browsers.enter_async_context(
                running(kind, role, scene.folder / f"{kind.name}.log")
            )
            for kind in kinds
            if kind.starts_again
        }
        for number in range(calls):
            for kind in kinds:
                if role == "offer":
                    await turnstile.wait()
                line = Line(scene.watcher, f"{kind.name}-{number // 8}")
                async with _ready(scene, kind, role, kept.get(kind.name)) as stack:
                    await _call(scene, kind, role, stack, line, times[kind.name])
    return found + [each for name in times for each in _figures(name, role, times, calls)]


@asynccontextmanager
async def _ready(scene: Scene, kind: Kind, role: str, kept: Stack | None) -> AsyncIterator[Stack]:
    """Browsers start once, and load their page anew for each call."""
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


def _figures(name: str, role: str, times: dict[str, list[float]], calls: int) -> list[Figure]:
    what, own, other = f"{name} {DIRECTIONS[role]}", times[name], times.get(BESIDE)
    failed = Figure(f"{what}: calls without a picture", calls - len(own), "", 0)
    if not own or not other:
        return [failed]
    ratio = statistics.median(own) / statistics.median(other)
    details = {"ms": round(statistics.median(own), 1), **spread(own)}
    target = None if name == BESIDE else FIRST_PICTURE_TARGET
    return [failed, Figure(f"{what}: first picture", ratio, f"of {BESIDE}'s", target, details)]
