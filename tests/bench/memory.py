"""What a device holds in memory: idle, and in a call."""

from __future__ import annotations

import asyncio

from tests.bench.clips import CLIP_1080P
from tests.bench.figures import Figure
from tests.bench.process import usage
from tests.bench.scene import PATTERN_720P, Caller, Scene, connected_call

IDLE_TARGET = 80.0  # MiB
CALL_TARGET = 110.0  # MiB
# seconds after which start-up is over
SETTLE = 3.0
# seconds for the last of a call to go
GOODBYE = 2.0


async def measure_memory(scene: Scene) -> list[Figure]:
    seconds = scene.count(12, 5)
    figures = await _measure(scene, "720p pattern", PATTERN_720P, seconds)
    clip = CLIP_1080P.file(scene.folder)
    figures += (await _measure(scene, "1080p file", f'source = "file:{clip}"\n', seconds))[1:]
    return figures


async def _measure(scene: Scene, name: str, video: str, seconds: float) -> list[Figure]:
    async with scene.device(video) as program, Caller.connected(scene.mosquitto) as caller:
        await asyncio.sleep(SETTLE)
        idle = usage(program.pid)
        async with connected_call(caller, "bench") as exchange:
            await asyncio.sleep(seconds)
            busy = usage(program.pid)
        await scene.closed(exchange.conversation)
        await asyncio.sleep(GOODBYE)
        after = usage(program.pid)
    return [
        Figure(
            "resident memory, idle before the first call",
            idle.resident,
            "MiB",
            IDLE_TARGET,
            idle.as_json(),
        ),
        Figure(
            f"resident memory in a call, {name}", busy.resident, "MiB", CALL_TARGET, busy.as_json()
        ),
        Figure(
            f"resident memory after a call, {name}", after.resident, "MiB", None, after.as_json()
        ),
    ]
