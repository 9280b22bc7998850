"""The page with many devices: what it draws when a broker's restart has all of them speak."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext

from tests.bench.many_devices import STOPWATCH, restart_broker, say
from tests.conftest import Mosquitto
from tests.e2e.device import Watcher, watching
from tests.web.page_harness import serving, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser]

COUNT = 200
# each way: class, chip, its word, two buttons, and the card's place (taken out, and put in)
A_CARD = 7
# the connection: two buttons of each card off, and on again
CONNECTION = 4


# what mosquitto keeps waiting unless it is told otherwise, beside 20 that are on their way
QUEUED = 1000
MORE_THAN_QUEUED = 600


async def _prepare(context: BrowserContext) -> None:
    await context.add_init_script(STOPWATCH)


async def test_page_draws_of_many_devices_what_has_changed(
    mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    await say(watcher, COUNT, "online", about=True)
    async with visiting(browser, url, prepare=_prepare) as visitor:
        await visitor.page.evaluate("count => listed(count)", COUNT)
        await visitor.page.evaluate("() => (writes = 0)")
        await restart_broker(visitor.page, mosquitto, watcher, COUNT)
        changed = await visitor.page.evaluate("() => writes")
        # drawn already, and said once more
        await visitor.page.evaluate("() => (writes = 0)")
        await say(watcher, COUNT, "online", about=True)
        watcher.publish("dev-0/status", {"state": "online", "busy": True}, retain=True)
        await visitor.page.get_by_text("In a call").wait_for()
        again = await visitor.page.evaluate("() => writes")
    # not known while the broker is away; gone; and back
    assert changed <= (3 * A_CARD + CONNECTION) * COUNT
    assert again <= A_CARD


async def test_page_hears_of_more_devices_than_a_broker_keeps_waiting(
    tmp_path: Path, browser: Browser
) -> None:
    mosquitto = Mosquitto(tmp_path, lines=(f"max_queued_messages {QUEUED}",))
    mosquitto.start()
    try:
        async with watching(mosquitto) as watcher, serving(mosquitto) as url:
            await say(watcher, MORE_THAN_QUEUED, "online", about=True)
            async with visiting(browser, url, prepare=_prepare) as visitor:
                await visitor.page.wait_for_function("count => told(count)", arg=MORE_THAN_QUEUED)
    finally:
        mosquitto.stop()
