"""A thousand calls with a hostile remote peer, one device: what they leave behind.

The device's own STUN and TURN servers are dead as well: each call waits for them.
"""

from __future__ import annotations

import itertools
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.figures import Figure
from tests.bench.hostile import HOSTILE_KINDS
from tests.bench.scene import Scene
from tests.bench.slopes import slope
from tests.bench.soak import COUNTED, ROUND, Sample, Soak, soaking

CALLS = 1000
AT_ONCE = 14
# seconds for which what a call held may outlive it
FREED = 6.0


@contextmanager
def dead_servers() -> Iterator[str]:
    """Settings of servers that take what is sent and say nothing, over UDP, TCP and TLS."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        for each in (udp, tcp):
            each.bind(("127.0.0.1", 0))
        tcp.listen(4096)
        silent, mute = (f"127.0.0.1:{each.getsockname()[1]}" for each in (udp, tcp))
        urls = [f"stun:{silent}", f"turn:{silent}", f"turn:{mute}?transport=tcp", f"turns:{mute}"]
        yield f'[ice]\nservers = [{{urls = {urls}, username = "u", credential = "p"}}]\n'


async def measure_hostile_calls(scene: Scene) -> list[Figure]:
    """What is left is told after a first round, which makes what a process makes once."""
    count = int(scene.messages or scene.count(CALLS, 40))
    kinds = itertools.cycle(HOSTILE_KINDS)
    with dead_servers() as ice:
        async with soaking(
            scene.folder, scene.mosquitto, scene.watcher, at_once=AT_ONCE, extra=ice
        ) as soak:
            await soak.make([next(kinds) for _ in range(2 * len(HOSTILE_KINDS))])
            before = await soak.rest()
            soak.samples.append(before)
            first = soak.calls
            while (left := count + first - soak.calls) > 0:
                await soak.make([next(kinds) for _ in range(min(ROUND, left))])
                began = time.monotonic()
                soak.samples.append(await soak.rest())
                took = time.monotonic() - began
                print(soak.samples[-1], dict(soak.faults) or "", file=sys.stderr, flush=True)
        log = soak.program.log()
    return [
        *_figures(soak, before, count),
        Figure("after the last round, until nothing was left", took, "s", FREED),
        Figure("tracebacks in the device's log", log.count("Traceback"), "", 0),
        Figure("rows left in the outbox", soak.rows(), "", 0),
    ]


def _figures(soak: Soak, before: Sample, count: int) -> list[Figure]:
    late = soak.samples[-1]
    second_half = soak.samples[len(soak.samples) // 2 :]
    points = [(each.calls, each.resident) for each in second_half]
    return [
        Figure(
            f"hostile calls that did not go as they should, of {count}",
            soak.faults.total(),
            "",
            0,
            {"faults": dict(soak.faults), "kinds": dict(soak.kinds)},
        ),
        *(
            Figure(
                f"{name.replace('_', ' ')} left after {count} hostile calls",
                getattr(late, name) - getattr(before, name),
                "",
                0,
            )
            for name in COUNTED
        ),
        Figure("slope of resident memory, second half", slope(points), "kB a call"),
    ]
