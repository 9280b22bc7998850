"""What TLS handshakes at the page do to the loop of the calls: how late it is with them and
without, in turns, in one run.

For comparison the same with the page on the loop of the calls, as it is not.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.attack import WEB, page_is_open
from tests.bench.attackers import LOOPBACK, attacker
from tests.bench.figures import Figure, percentile
from tests.bench.scene import PATTERN_720P, Caller, Scene, connected_call
from tests.free_ports import free_port
from tests.signaling.mqtt.certificates import Authority

# a second; the key is one that a handshake of a desk takes as long for as a small board's of 2048
RATE, KEY_BITS = 20, 4096
# turns of each kind, and seconds of a turn
TURNS, TURN = 4, 6.0
# ms, by which the loop may be later: a third of what lies between two pictures of 30 a second
TARGET = 10.0


async def measure_handshakes(scene: Scene) -> list[Figure]:
    return [
        await _measure(scene, "", "TLS handshakes: the calls' loop later by, p99", TARGET),
        await _measure(scene, "loop", "the same, were the page on that loop", None),
    ]


async def _measure(scene: Scene, page: str, name: str, target: float | None) -> Figure:
    port, file = free_port(), scene.folder / f"lateness-{page}"
    certificate, key = Authority(scene.folder).issue(LOOPBACK, rsa_bits=KEY_BITS)
    web = WEB.format(host=LOOPBACK, port=port, certificate=certificate, key=key)
    os.environ |= {"LATENESS": str(file), "PAGE": page}
    calm: list[tuple[float, float]] = []
    busy: list[tuple[float, float]] = []
    async with (
        scene.device(PATTERN_720P, extra=web, module="tests.bench.lateness"),
        Caller.connected(scene.mosquitto) as caller,
        connected_call(caller, "guest"),
    ):
        await page_is_open(port)
        await asyncio.sleep(3)
        for _ in range(scene.count(TURNS, 2)):
            calm.append(await _turn())
            async with attacker("handshakes", port, RATE):
                await asyncio.sleep(0.5)
                busy.append(await _turn())
            await asyncio.sleep(0.5)
    looks = read(file)
    with_them, without = ([_p99(looks, span) for span in spans] for spans in (busy, calm))
    later = [one - other for one, other in zip(with_them, without, strict=True)]
    details = {
        "p99 with": round(statistics.median(with_them), 2),
        "p99 without": round(statistics.median(without), 2),
        "turns": [round(each, 2) for each in later],
    }
    return Figure(name, statistics.median(later), "ms", target, details)


async def _turn() -> tuple[float, float]:
    began = time.monotonic()
    await asyncio.sleep(TURN)
    return began, time.monotonic()


def read(file: Path) -> list[tuple[float, float]]:
    """When, and by how much the loop was late."""
    lines = (line.split() for line in file.read_text().splitlines())
    return [(float(each[0]), float(each[1])) for each in lines if len(each) == 2]


def _p99(looks: Sequence[tuple[float, float]], span: tuple[float, float]) -> float:
    """Milliseconds."""
    return 1000 * percentile([late for at, late in looks if span[0] <= at < span[1]], 99)
