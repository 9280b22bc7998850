"""How long a person waits: from the click on Call to the picture, and from `callbox demo` to its
page.

python -m tests.bench.page [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, expect

from tests.bench.figures import Figure, machine, spread, table
from tests.bench.scene import PATTERN_720P, Scene, Turnstile
from tests.e2e.browser import chromium
from tests.e2e.device import UID, Program
from tests.free_ports import free_port
from tests.waiting import PATIENCE
from tests.web.page_harness import HOST, Visitor, serving, visiting

CLICK_TARGET = 300.0  # ms
DEMO_TARGET = 5.0  # seconds
# a device admits 10 a minute of one caller
CALLS_A_PAGE = 8
# the camera is off between two calls, as it is when people call now and then
COLD = f"{PATTERN_720P}linger = 0\n"

# From the moment that the browser dates the click to the moment that the first picture is about to
# be shown. The page's own script comes after this one, so that its work counts as well.
STOPWATCH = """
addEventListener("click", ({ timeStamp, target }) => {
  if (!target.closest("button.call")) return;
  const video = document.getElementById("remote");
  globalThis.clickToFrame = new Promise((resolve) =>
    video.requestVideoFrameCallback((now) => resolve(now - timeStamp)));
}, { capture: true });
"""


async def measure_clicks(scene: Scene) -> list[Figure]:
    """Calls one after the other from a page that stays open, with the camera off between them, then
    still on.
    """
    first, cold, phases = await _clicks(scene, COLD)
    _, warm, _ = await _clicks(scene, PATTERN_720P)
    medians = {key: round(statistics.median(each[key] for each in phases), 1) for key in phases[0]}
    details = {**spread(cold), "phases": medians}
    return [
        Figure(
            "click to first frame in the page", statistics.median(cold), "ms", CLICK_TARGET, details
        ),
        Figure(
            "click to first frame, camera still on",
            statistics.median(warm),
            "ms",
            CLICK_TARGET,
            spread(warm),
        ),
        Figure("click to first frame, first call of page and device", first, "ms"),
    ]


async def _clicks(scene: Scene, video: str) -> tuple[float, list[float], list[dict[str, float]]]:
    """Milliseconds of the very first call, of all that followed, and the page's own account of each
    of those.
    """
    times: list[float] = []
    phases: list[dict[str, float]] = []
    turnstile = Turnstile()
    remaining = scene.count(17, 4)
    async with scene.device(video), serving(scene.mosquitto) as url, chromium() as browser:
        while remaining > 0:
            async with visiting(browser, url, prepare=_prepare) as visitor:
                for _ in range(min(remaining, CALLS_A_PAGE)):
                    await turnstile.wait()
                    taken, setup = await _click(scene, visitor)
                    times.append(taken)
                    phases.append(setup)
            remaining -= CALLS_A_PAGE
    return times[0], times[1:], phases[1:]


async def _prepare(context: BrowserContext) -> None:
    await context.add_init_script(STOPWATCH)


async def _click(scene: Scene, visitor: Visitor) -> tuple[float, dict[str, float]]:
    """One call, and everything at rest again after it."""
    page = visitor.page
    mark = len(scene.watcher.messages)
    await visitor.button(f"Call {UID}").click()
    taken: float = await page.evaluate("() => clickToFrame")
    await page.evaluate(
        "() => { callbox.conversations[0].on('closed', (record) => (globalThis.record = record)); }"
    )
    await visitor.hang_up()
    await visitor.expect_end("You hung up.")
    setup: dict[str, Any] = await page.evaluate("() => record.setup")
    await scene.watcher.wait(f"{UID}/status", lambda body: not body["busy"], after=mark)
    await expect(visitor.button(f"Call {UID}")).to_be_enabled()
    return taken, setup


async def measure_demo(scene: Scene) -> list[Figure]:
    """Starts after the first one, which has written its bytecode and filled the system's caches."""
    times = [await _start_demo(scene.folder) for _ in range(scene.count(6, 3))]
    first, *rest = times
    answers = [each[0] for each in rest]
    calls = [each[1] for each in rest]
    return [
        Figure(
            "second `callbox demo` to its page",
            statistics.median(answers),
            "s",
            DEMO_TARGET,
            spread(answers),
        ),
        Figure(
            "second `callbox demo` to a device to call",
            statistics.median(calls),
            "s",
            DEMO_TARGET,
            spread(calls),
        ),
        Figure("first `callbox demo` to its page", first[0], "s"),
    ]


async def _start_demo(folder: Path) -> tuple[float, float]:
    """Seconds until the page answers, and until the device can be called."""
    port, broker_port = free_port(), free_port()
    started = time.monotonic()
    ports = ("--port", str(port), "--broker-port", str(broker_port))
    program = await Program.start(folder / "demo.log", "demo", *ports)
    try:
        async with asyncio.timeout(PATIENCE):
            while not await _answers(port):  # noqa: ASYNC110 - a port tells nobody when it opens
                await asyncio.sleep(0.005)
            answered = time.monotonic() - started
            while not await _is_online(broker_port):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            return answered, time.monotonic() - started
    finally:
        await program.end()


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return b" 200 " in line


async def _is_online(broker_port: int) -> bool:
    """Whether the device's retained status says so."""
    process = await asyncio.create_subprocess_exec(
        *(
            "mosquitto_sub",
            "-p",
            str(broker_port),
            "-t",
            f"callbox/v1/{UID}/status",
            "-C",
            "1",
            "-W",
            "1",
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    return b'"online"' in output


MEASURES: tuple[Callable[[Scene], Awaitable[list[Figure]]], ...] = (measure_clicks, measure_demo)


async def run(*, quick: bool) -> None:
    where = machine()
    print(f"{where['cpu']}, {where['cores']} cores, load {where['load'][0]}\n")
    figures: list[Figure] = []
    for measure in MEASURES:
        with tempfile.TemporaryDirectory(prefix="callbox-bench-") as folder:
            async with Scene.set(Path(folder), quick=quick) as scene:
                figures += await measure(scene)
    print(table(figures))
    for figure in figures:
        if figure.details:
            print(f"{figure.name}: {figure.details}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer calls, fewer starts")
    asyncio.run(run(quick=parser.parse_args().quick))


if __name__ == "__main__":
    main()
