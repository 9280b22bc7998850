"""A page with a thousand devices: how soon they are all listed, and for how long it does not react
while a broker's restart has each of them say that it is gone, and back.

python -m tests.bench --only many-devices
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable

from playwright.async_api import Browser, Page, expect

from tests.bench.figures import Figure, spread
from tests.bench.scene import Scene
from tests.conftest import Mosquitto
from tests.e2e.browser import chromium
from tests.e2e.device import Watcher, watching
from tests.web.page_harness import serving

DEVICES = 1000
LIST_TARGET = 2.0  # seconds
TASK_TARGET = 100.0  # milliseconds

TRACED = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]

# When the last card came, and what was changed in the list.
STOPWATCH = """
globalThis.until = (count, selector) => new Promise((resolve) => {
  const look = () => document.querySelectorAll("#device-list > li" + selector).length >= count
    ? resolve(performance.now()) : requestAnimationFrame(look);
  look();
});
globalThis.told = (count) => new Promise((resolve) => {
  const look = () => [...callbox.devices.values()].filter(({ about }) => about).length >= count &&
    document.querySelectorAll("#device-list small:not(:empty)").length >= count
    ? resolve() : requestAnimationFrame(look);
  look();
});
globalThis.listed = (count) => until(count, ":not(.offline)");
globalThis.writes = 0;
addEventListener("DOMContentLoaded", () => new MutationObserver((all) => (writes += all.length))
  .observe(document.getElementById("devices"),
    { subtree: true, childList: true, attributes: true, characterData: true }));
"""


async def measure_many_devices(scene: Scene) -> list[Figure]:
    """The first list, and a broker's restart, in Chromium. A task is as long as the page's thread
    worked on it: what the machine did meanwhile for others does not count.
    """
    count = scene.count(DEVICES, 200)
    async with (
        serving(scene.mosquitto) as url,
        chromium() as browser,
        watching(scene.mosquitto) as watcher,
    ):
        await say(watcher, count, "online", about=True)
        return await look(browser, url, scene.mosquitto, watcher, count)


async def look(
    browser: Browser, url: str, mosquitto: Mosquitto, watcher: Watcher, count: int
) -> list[Figure]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    await context.add_init_script(STOPWATCH)
    page = await context.new_page()
    await browser.start_tracing(page=page, categories=TRACED)
    await page.goto(url)
    listed = await page.evaluate("count => listed(count)", count)
    first = tasks(await browser.stop_tracing())
    await page.evaluate("() => (writes = 0)")
    await browser.start_tracing(page=page, categories=TRACED)
    await restart_broker(page, mosquitto, watcher, count)
    restart = tasks(await browser.stop_tracing())
    writes = await page.evaluate("() => writes")
    await context.close()
    name = f"page with {count:,} devices"
    return [
        Figure(f"{name}: all listed", listed / 1000, "s", LIST_TARGET),
        Figure("... longest task until then", max(first), "ms", TASK_TARGET, spread(first)),
        Figure(
            "... longest task, broker restarted",
            max(restart),
            "ms",
            TASK_TARGET,
            {**spread(restart), "work": round(sum(restart)), "writes": writes},
        ),
    ]


async def restart_broker(page: Page, mosquitto: Mosquitto, watcher: Watcher, count: int) -> None:
    """Until the page has seen each device go, and come back."""
    chip = page.get_by_test_id("connection")
    mosquitto.kill()
    await expect(chip).to_have_attribute("data-state", "reconnecting")
    mosquitto.start()
    await expect(chip).to_have_attribute("data-state", "connected")
    await say(watcher, count, "offline", about=False)
    await page.evaluate("count => until(count, '.offline')", count)
    await say(watcher, count, "online", about=True)
    await page.evaluate("count => listed(count)", count)
    await page.evaluate("count => told(count)", count)


def tasks(trace: bytes) -> list[float]:
    """Milliseconds that the page's thread worked on each of its tasks."""
    events = json.loads(trace)["traceEvents"]
    threads = {
        (each["pid"], each["tid"])
        for each in events
        if each.get("name") == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    worked: dict[int, list[float]] = defaultdict(list)
    for each in events:
        if each.get("name") != "RunTask" or (each["pid"], each["tid"]) not in threads:
            continue
        worked[each["pid"]].append(each.get("tdur", 0) / 1000)
    return max(worked.values(), key=sum)


async def say(watcher: Watcher, count: int, state: str, *, about: bool) -> None:
    """Retained, as each of `count` devices has it."""
    await watcher.broker.wait_connected(20)
    status = {"state": state, "busy": False, "conversations": 0, "version": "0.1.0"}
    status["since"] = "2026-11-28T10:00:00.000Z"
    sent: list[Awaitable[object]] = []
    for number in range(count):
        sent.append(watcher.publish(f"dev-{number}/status", status, retain=True))
        if about:
            told = {"model": f"Raspberry Pi {number % 5}", "camera": "imx708"}
            sent.append(watcher.publish(f"dev-{number}/about", told, retain=True))
        if len(sent) >= 100:
            await asyncio.gather(*sent)
            sent.clear()
    await asyncio.gather(*sent)
