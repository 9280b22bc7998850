"""Measures a call across a bad network: Chromium behind an emulated link, each figure beside its
target. Needs root.

python -m tests.bench.network [--only NAME]... [--json FILE]

The far side's estimate of delay is as sensitive as a person: on a busy machine it sees queues that
are the machine's. `chrt -r 1` in front keeps others from the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from _pytest.outcomes import Skipped

from tests.bench.figures import Figure, machine, percentile, spread, table
from tests.bench.keyframe_requests import measure_keyframes
from tests.conftest import Mosquitto
from tests.e2e.device import watching
from tests.faults.clips import write_large_keyframes
from tests.faults.links import SLICE
from tests.faults.scene import Scene, scene
from tests.faults.viewing import Viewing, for_seconds

OUTPUT = Path(__file__).parent.parent / "output" / "network.json"
FAST, SLOW = 4e6, 800e3  # bit/s
FRAMERATE = 30


class Stage(NamedTuple):
    """Opens the device, the link and the page for one measurement."""

    folder: Path
    open: Callable[..., AbstractAsyncContextManager[Scene]]


async def measure_cut(stage: Stage, *, lip_sync: bool = False, queue: int = 75_000) -> list[Figure]:
    """4 Mbit/s, then 800 kbit/s for 20 s, then 4 Mbit/s again.

    Without `lip_sync` pictures do not wait for the sound, which is what our page asks of
    conversation.js.
    """
    async with stage.open(rate=FAST, delay=0.01, queue=queue) as at:
        viewing = await at.call(lip_sync=lip_sync)
        await asyncio.sleep(15)
        before = statistics.median(await at.sent(5))
        cut_at = time.time()
        await at.link.change(rate=SLOW)
        slow = await history_of(at, 20)
        freeze = await viewing.longest_freeze(cut_at - 1, cut_at + 15)
        latency = await settled_latency(viewing, cut_at)
        await at.link.change(rate=FAST)
        restored = await at.sent(30)
    fits = max((at for at, bitrate in slow if bitrate > SLOW), default=0.0)
    # looking for more is part of the control
    over = max(bitrate for at, bitrate in slow if at > 6) / SLOW - 1
    returned = next(
        (second + 1 for second, bitrate in enumerate(restored) if bitrate >= 0.8 * before),
        float("inf"),
    )
    name = (
        f"cut to 800 kbit/s, queue {queue // 1000} "
        f"kB{', in step with the sound' if lip_sync else ''}"
    )
    details = {"before": round(before), "restored": [round(bitrate) for bitrate in restored]}
    return [
        Figure(f"{name}: fits after", fits, "s", 5, details),
        Figure(f"{name}: most over the link in a second from 5 s on", 100 * over, "%"),
        Figure(f"{name}: longest freeze", freeze, "s", 1),
        Figure(
            f"{name}: latency from 8 s on, p95",
            1e3 * percentile(latency, 95),
            "ms",
            300,
            spread(latency),
        ),
        Figure(f"{name}: back at 80 % after", returned, "s", 20),
    ]


async def measure_below_minimum(stage: Stage) -> list[Figure]:
    """2 Mbit/s, then room for half of `min_bitrate` beside the sound for 30 s, then 2 Mbit/s
    again.
    """
    video = 'source = "pattern"\nwidth = 640\nheight = 360\nmin_bitrate = 400_000\n'
    async with stage.open(rate=2e6, delay=0.01, queue=30_000, video=video) as at:
        viewing = await at.call()
        await asyncio.sleep(8)
        await at.link.change(rate=280e3)
        _, end = await for_seconds(30)
        stats = (await at.local_stats())["video"]
        shown = await viewing.framerate(end - 15, end)
        freeze = await viewing.longest_freeze(end - 15, end)
        latency = await viewing.latencies(end - 15, end) or [float("inf")]
        await at.link.change(rate=2e6)
        _, end = await for_seconds(30)
        again = await viewing.framerate(end - 5, end)
    told = {
        key: stats[key] for key in ("targetBitrate", "framesPerSecond", "qualityLimitationReason")
    }
    name = "280 kbit/s where 400 are the minimum"
    return [
        Figure(f"{name}: pictures shown", shown, "fps", details=told),
        Figure(f"{name}: longest freeze after 15 s", freeze, "s"),
        Figure(
            f"{name}: latency after 15 s, p95",
            1e3 * percentile(latency, 95),
            "ms",
            details=spread(latency),
        ),
        Figure(f"{name}: pictures missing 25 s after it", max(0.0, FRAMERATE - again), "fps"),
    ]


async def history_of(at: Scene, seconds: float) -> list[tuple[float, float]]:
    """(seconds from now, bit/s over one second up to then) of what is sent."""
    start = len((await at.link.passages())[0].history)
    await asyncio.sleep(seconds)
    history = (await at.link.passages())[0].history[start:]
    steps = round(1 / SLICE)
    return [
        (end * SLICE, 8.0 * sum(history[end - steps : end])) for end in range(steps, len(history))
    ]


async def settled_latency(viewing: Viewing, cut_at: float) -> list[float]:
    """Seconds, of all pictures from the eighth second on."""
    return await viewing.latencies(cut_at + 8, cut_at + 20) or [float("inf")]


async def measure_loss(stage: Stage, loss: float) -> list[Figure]:
    """Ten seconds of random loss, 20 ms each way."""
    async with stage.open(delay=0.02) as at:
        viewing = await at.call()
        await asyncio.sleep(5)
        await at.link.change(loss=loss)
        start, end = await for_seconds(11)
        shown = await viewing.framerate(start + 1, end)
        freeze = await viewing.longest_freeze(start + 1, end)
        stats = await at.local_stats()
    name, share = f"random loss {loss:.0%}", 0.9 if loss <= 0.05 else 0.8
    missing = 100 * (1 - shown / FRAMERATE)
    return [
        Figure(
            f"{name}: frame rate missing", missing, "%", 100 * (1 - share), {"fps": round(shown, 2)}
        ),
        Figure(f"{name}: longest freeze", freeze, "s", 0.5 if loss <= 0.05 else None),
        Figure(f"{name}: target after 11 s", stats["video"]["targetBitrate"] / 1e3, "kbit/s"),
    ]


async def measure_long_path(stage: Stage) -> list[Figure]:
    """100 ms each way, for the signaling too."""
    firsts = []
    for _ in range(3):
        async with stage.open(delay=0.1) as at:
            firsts.append(await (await at.call()).first_picture())
    return [
        Figure(
            "100 ms each way: first picture", statistics.median(firsts), "s", 1.3, spread(firsts)
        )
    ]


async def measure_large_keyframe(stage: Stage) -> list[Figure]:
    """A key frame of 200 kB every four seconds into an uplink of 2 Mbit/s whose queue holds 75
    kB.
    """
    clip = write_large_keyframes(stage.folder / "large.h264")
    video = f'source = "file:{clip}"\nframerate = {FRAMERATE}\n'
    async with stage.open(video=video, rate=2e6, delay=0.01) as at:
        viewing = await at.call(measure=False)
        await at.link.passages()
        start, end = await for_seconds(12)
        uplink, _ = await at.link.passages()
        freeze = await viewing.longest_freeze(start, end)
        stats = await at.local_stats()
    return [
        Figure("key frame of 200 kB at 2 Mbit/s: packets lost", uplink.overflowed, "packets", 0),
        Figure("key frame of 200 kB at 2 Mbit/s: longest queue", 1e3 * uplink.longest_wait, "ms"),
        Figure("key frame of 200 kB at 2 Mbit/s: longest freeze", freeze, "s"),
        Figure(
            "key frame of 200 kB at 2 Mbit/s: resent",
            stats["video"]["retransmittedPacketsSent"],
            "packets",
        ),
    ]


BENCHES: dict[str, Callable[[Stage], Awaitable[list[Figure]]]] = {
    "cut": measure_cut,
    "cut-short-queue": partial(measure_cut, queue=30_000),
    "cut-lip-sync": partial(measure_cut, lip_sync=True),
    "below-minimum": measure_below_minimum,
    "loss-5": partial(measure_loss, loss=0.05),
    "loss-10": partial(measure_loss, loss=0.10),
    "long-path": measure_long_path,
    "large-keyframe": measure_large_keyframe,
    "keyframes": lambda stage: measure_keyframes(stage.folder),
}


async def run(names: list[str]) -> dict[str, Any]:
    report: dict[str, Any] = {"machine": machine(), "figures": [], "skipped": {}}
    figures: list[Figure] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            found = await measure(BENCHES[name])
        except Skipped as skipped:
            report["skipped"][name] = str(skipped)
            continue
        figures += found
        report["figures"] += [{"bench": name, **figure.as_json()} for figure in found]
    report["machine"]["load_after"] = machine()["load"]
    where = report["machine"]
    print(
        f"{where['cpu']}, {where['cores']} cores, load {where['load'][0]} before and "
        f"{where['load_after'][0]} after\n"
    )
    print(table(figures))
    for name, reason in report["skipped"].items():
        print(f"not measured: {name}: {reason}")
    return report


async def measure(bench: Callable[[Stage], Awaitable[list[Figure]]]) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="callbox-bench-") as name:
        folder = Path(name)
        mosquitto = Mosquitto(folder)
        mosquitto.start()
        try:
            async with watching(mosquitto) as watcher:
                return await bench(Stage(folder, partial(scene, folder, mosquitto, watcher)))
        finally:
            mosquitto.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=BENCHES, metavar="NAME", help=", ".join(BENCHES)
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=OUTPUT,
        metavar="FILE",
        help="default: tests/output/network.json",
    )
    arguments = parser.parse_args()
    report = asyncio.run(run(arguments.only or list(BENCHES)))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
