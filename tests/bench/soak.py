"""Many calls against one process: what does not come back after a call."""

from __future__ import annotations

import asyncio

from tests.bench.figures import Figure
from tests.bench.process import Usage, usage
from tests.bench.scene import Caller, Scene, Turnstile, connected_call

WARM = 20  # calls after which nothing is new to the process
MEMORY_TARGET = 15.0  # MiB
CALL_SECONDS = 0.2  # of media
VIDEO = 'source = "pattern"\nwidth = 640\nheight = 360\n'


async def measure_soak(scene: Scene) -> list[Figure]:
    calls = scene.count(200, 40)
    samples: dict[int, Usage] = {}
    turnstile = Turnstile()
    async with scene.device(VIDEO) as program, Caller.connected(scene.mosquitto) as caller:
        for number in range(1, calls + 1):
            await turnstile.wait()
            async with connected_call(caller, f"bench-{number // 8}") as exchange:
                await asyncio.sleep(CALL_SECONDS)
            await scene.closed(exchange.conversation)
            if number % 20 == 0:
                samples[number] = await settled(program.pid)
    early, late = samples[WARM], samples[calls]
    details = {str(number): sample.as_json() for number, sample in samples.items()}
    span = f"from call {WARM} to {calls}"
    return [
        Figure(f"growth of memory {span}", late.resident - early.resident, "MiB", MEMORY_TARGET, details),
        Figure(f"growth of file descriptors {span}", late.files - early.files, "", 0),
        Figure(f"growth of threads {span}", late.threads - early.threads, "", 0),
    ]


async def settled(pid: int) -> Usage:
    """Usage once the last call's sockets and threads are gone, or after three seconds."""
    fewest = usage(pid)
    for _ in range(30):
        await asyncio.sleep(0.1)
        now = usage(pid)
        if (now.files, now.threads) < (fewest.files, fewest.threads):
            fewest = now
    return fewest
