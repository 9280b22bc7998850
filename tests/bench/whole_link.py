"""Holes of a caller's whole link, media and broker: how soon the picture is back in the same call,
and the bitrate.

python -m tests.bench.whole_link [page|python|stranger|bitrate]... [--holes 1,3,5,10,30]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, machine, table
from tests.bench.scene import Scene
from tests.e2e.browser import BrowserCaller
from tests.e2e.device import UID, Program
from tests.faults.links import NEAR, Link, network
from tests.faults.scene import Delayed, device_within, scene
from tests.faults.scene import Scene as Setting
from tests.faults.viewing import Viewing
from tests.faults.whole_link import page_scene, stranger_scene

HOLES = (1.0, 3.0, 5.0, 10.0, 30.0)  # seconds
# seconds of picture before and after
STEADY = 3.0
TARGET, STRANGERS_TARGET = 1.5, 3.0
# seconds of consent: behind it the broker is needed
LONG = 30.0


async def _cut(link: Link, seconds: float) -> float:
    """When the link is back."""
    await link.change(up=False)
    await asyncio.sleep(seconds)
    await link.change(up=True)
    return time.time()


async def measure_page(bench: Scene, seconds: float) -> Figure:
    async with page_scene(bench.folder, bench.mosquitto, bench.watcher) as (net, visitor):
        await visitor.call()
        await asyncio.sleep(STEADY)
        await visitor.page.evaluate(
            """() => {
                globalThis.brokerBack = null;
                callbox.client?.on?.("connection", (state) => {
                    if (state === "connected") globalThis.brokerBack ??= Date.now();
                });
                const part = document.querySelector("[data-testid=connection]");
                new MutationObserver(() => {
                    if (part.dataset.state === "connected") globalThis.brokerBack ??= Date.now();
                }).observe(part, { attributes: true });
            }"""
        )
        back = await _cut(net.link, seconds)
        await visitor.frames(1)
        shown = time.time()
        broker = await visitor.page.evaluate("() => globalThis.brokerBack")
        await asyncio.sleep(STEADY)
        await visitor.frames(10)
        mark = len(bench.watcher.messages)
        await visitor.hang_up()
        record = await bench.watcher.wait(f"{UID}/events/closed", after=mark)
    return _figure("page", seconds, back, shown, broker and broker / 1e3, record)


async def measure_stranger(bench: Scene, seconds: float) -> Figure:
    async with stranger_scene(bench.folder, bench.mosquitto, bench.watcher) as (net, caller):
        viewing = Viewing(caller)
        await viewing.begin(measure=False)
        await asyncio.sleep(STEADY)
        reconnected = asyncio.create_task(_reconnection(caller))
        back = await _cut(net.link, seconds)
        await viewing.next_picture()
        shown = time.time()
        await asyncio.sleep(STEADY)
        await viewing.next_picture()
        mark = len(bench.watcher.messages)
        await caller.hang_up()
        record = await bench.watcher.wait(f"{UID}/events/closed", after=mark)
        reconnected.cancel()
        (found,) = await asyncio.gather(reconnected, return_exceptions=True)
        broker = found if isinstance(found, float) else None
    return _figure("stranger", seconds, back, shown, broker, record)


async def _reconnection(caller: BrowserCaller) -> float:
    """When its broker is there again, once it was lost."""
    for state in (False, True):
        while caller.online != state:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
    return time.time()


async def measure_python(bench: Scene, seconds: float) -> Figure:
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(network())
        for host in ("127.0.0.1", NEAR):
            await stack.enter_async_context(
                Delayed(bench.mosquitto.port, 0.0).serve(net.near, host)
            )
        at = device_within(bench.folder, bench.mosquitto, bench.watcher, net.near)
        await stack.enter_async_context(at)
        log = bench.folder / "viewer.log"
        url = f"mqtt://{NEAR}:{bench.mosquitto.port}"
        command = net.far.command(
            *(sys.executable, "-m", "tests.faults.picture_log", url, UID),
            str(seconds + 2 * STEADY + 12),
        )
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=file
            )
        viewer = Program(process, log)
        stack.push_async_callback(viewer.end)
        assert process.stdout is not None
        await process.stdout.readline()
        await asyncio.sleep(STEADY)
        back = await _cut(net.link, seconds)
        output, _ = await process.communicate()
        events = [json.loads(line) for line in output.splitlines()]
        record = await bench.watcher.wait(f"{UID}/events/closed")
    pictures = [each for each in events if each["event"] == "picture" and each["at"] > back - 0.05]
    shown = pictures[0]["at"] if pictures else float("inf")
    longest = max((each["after"] for each in pictures[1:]), default=0.0)
    broker = _reconnected(log.read_text())
    return _figure("Python", seconds, back, shown, broker, record | {"then": round(longest, 2)})


def _reconnected(log: str) -> float | None:
    """When the client said so, in seconds since the epoch."""
    lines = [line for line in log.splitlines() if "connected to" in line]
    if len(lines) < 2:
        return None
    moment, _, fraction = lines[-1][:23].partition(",")
    return time.mktime(time.strptime(moment, "%Y-%m-%d %H:%M:%S")) + int(fraction) / 1e3


def _figure(
    who: str,
    seconds: float,
    back: float,
    shown: float,
    broker: float | None,
    record: dict[str, Any],
) -> Figure:
    since = broker if broker and seconds >= LONG else back
    target = STRANGERS_TARGET if who == "stranger" else TARGET
    details: dict[str, Any] = {
        "after the link": round(shown - back, 2),
        "broker after the link": broker and round(broker - back, 2),
        **{key: record.get(key) for key in ("reconnects", "reason", "then") if key in record},
    }
    what = "the broker's" if since == broker else "the link's"
    name = f"{who}: whole link away for {seconds:g} s, picture after {what} return"
    return Figure(name, shown - since, "s", target, details)


async def measure_bitrate(bench: Scene, seconds: float) -> Figure:
    """Of the media's link alone; Chromium's receiver."""
    video = 'source = "pattern"\nwidth = 1280\nheight = 720\n'
    async with scene(
        bench.folder, bench.mosquitto, bench.watcher, video=video, rate=6e6, delay=0.02
    ) as at:
        await at.call(measure=False)
        await asyncio.sleep(20)
        before, _ = await _targets(at, 3)
        await _cut(at.link, seconds)
        _, after = await _targets(at, 15)
        sent = await at.sent(3)
        mark = len(bench.watcher.messages)
        await at.caller.hang_up()
        await bench.watcher.wait(f"{UID}/events/closed", after=mark)
    low = [moment for moment, target in after if target < 0.8 * before]
    back = max(low) if low else 0.0
    details = {
        "before": round(before),
        "after": [(round(moment, 1), round(target / 1e3)) for moment, target in after],
        "sent": round(statistics.median(sent)),
    }
    return Figure(f"hole of {seconds:g} s: bitrate back at 80 % after", back, "s", 5, details)


async def _targets(at: Setting, seconds: float) -> tuple[float, list[tuple[float, float]]]:
    """The median target, and each as the device reports it."""
    start, found = time.time(), []
    while time.time() - start < seconds:
        video = (await at.local_stats()).get("video", {})
        if video.get("targetBitrate"):
            found.append((time.time() - start, float(video["targetBitrate"])))
    return statistics.median(target for _, target in found), found


MEASURES = {
    "page": measure_page,
    "python": measure_python,
    "stranger": measure_stranger,
    "bitrate": measure_bitrate,
}


async def run(names: list[str], holes: list[float]) -> None:
    where = machine()
    print(f"{where['cpu']}, {where['cores']} cores, load {where['load'][0]}\n", flush=True)
    for name in names:
        for seconds in holes:
            with tempfile.TemporaryDirectory(prefix="callbox-bench-") as folder:
                try:
                    async with Scene.set(Path(folder), quick=False) as bench:
                        figure = await MEASURES[name](bench, seconds)
                except Exception as error:  # noqa: BLE001 - the others are measured all the same
                    print(f"{name} {seconds:g} s: {type(error).__name__}: {error}", flush=True)
                    _show_logs(Path(folder))
                    continue
                print(table([figure]), figure.details, sep="\n", flush=True)


def _show_logs(folder: Path) -> None:
    for log in folder.glob("*.log"):
        print(*log.read_text().splitlines()[-25:], sep="\n", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*MEASURES, []], metavar="NAME")
    parser.add_argument("--holes", default=",".join(f"{each:g}" for each in HOLES))
    arguments = parser.parse_args()
    holes = [float(each) for each in arguments.holes.split(",")]
    asyncio.run(run(arguments.names or list(MEASURES), holes))


if __name__ == "__main__":
    main()
