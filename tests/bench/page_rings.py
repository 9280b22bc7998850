"""A button at the door, and a page in Chromium that rings: how long that takes."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack

from playwright.async_api import BrowserContext

from agent.client.call_client import CallClient
from agent.connect import BrokerUrl, connected
from agent.core.call.reasons import Purpose
from agent.service.status_client import press
from tests.bench.figures import Figure, spread
from tests.bench.rings import PAUSE, RING_TARGET, RINGS, status_socket
from tests.bench.scene import Scene
from tests.e2e.browser import chromium
from tests.e2e.device import UID
from tests.waiting import PATIENCE
from tests.web.page_harness import Visitor, serving, visiting

# When the dialog is drawn: the frame after the one in which it was opened has begun.
STOPWATCH = """
addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("incoming");
  new MutationObserver(() => {
    if (!dialog.open) return;
    requestAnimationFrame(() => requestAnimationFrame(() => (globalThis.rangAt = Date.now())));
  }).observe(dialog, { attributeFilter: ["open"] });
});
"""


async def measure_page_rings(scene: Scene) -> list[Figure]:
    """Press to the dialog of the page that is rung, with the camera off and on."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(scene.device(extra=RINGS))
        url = await stack.enter_async_context(serving(scene.mosquitto, uid="home"))
        browser = await stack.enter_async_context(chromium())
        page = await stack.enter_async_context(visiting(browser, url, prepare=_prepare))
        cold = [await _press(scene, page) for _ in range(scene.count(10, 2))]
        broker = BrokerUrl.parse(f"mqtt://127.0.0.1:{scene.mosquitto.port}")
        about = {"uid": "viewer", "prefix": "callbox/v1", "timeout": PATIENCE}
        link = await stack.enter_async_context(connected(broker, **about))  # type: ignore[arg-type]
        viewer = await stack.enter_async_context(CallClient(link.signaling, link.peers))
        await viewer.call(UID, purpose=Purpose.VIEW).answered()
        warm = [await _press(scene, page) for _ in range(scene.count(10, 2))]
    return [
        Figure(f"press to ring in the page, camera {name}", median, "ms", RING_TARGET, details)
        for name, median, details in (
            ("off", statistics.median(cold), spread(cold)),
            ("on", statistics.median(warm), spread(warm)),
        )
    ]


async def _prepare(context: BrowserContext) -> None:
    await context.add_init_script(STOPWATCH)


async def _press(scene: Scene, visitor: Visitor) -> float:
    """Milliseconds from the press to the dialog."""
    page = visitor.page
    await page.evaluate("() => { globalThis.rangAt = 0; }")
    began = time.time() * 1000
    pressing = asyncio.create_task(asyncio.to_thread(press, status_socket(scene), "front"))
    await page.wait_for_function("() => globalThis.rangAt > 0", timeout=PATIENCE * 1000)
    rang: float = await page.evaluate("() => globalThis.rangAt")
    await pressing
    await visitor.answer("Reject")
    await asyncio.sleep(PAUSE)
    return rang - began
