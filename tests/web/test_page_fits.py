"""In a call and while it rings every control of the call is inside the window, upright, on its side
and wide; everything else is reached by scrolling down alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, device
from tests.web.page_harness import Ghost, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

SIZES = ((360, 740), (740, 360), (1280, 800))
# pixels, for a call's details on the narrowest window
LONGEST = 6000

_OUTSIDE = """(selector) => [...document.querySelectorAll(selector)]
  .filter((each) => each.checkVisibility())
  .map((each) => [each.textContent.trim() || each.ariaLabel, each.getBoundingClientRect()])
  .filter(([, box]) => box.top < 0 || box.left < 0 ||
    box.bottom > innerHeight || box.right > innerWidth)
  .map(([name, box]) => `${name}: ${Math.round(box.left)},${Math.round(box.top)} to ` +
    `${Math.round(box.right)},${Math.round(box.bottom)} of ${innerWidth}x${innerHeight}`)"""
# some breathe for ever
SETTLED = """Promise.all(document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().iterations < 100)
  .map((each) => each.finished))"""
_NARROWEST = """Math.min(
  ...[...document.querySelectorAll(".tables dt")].map((each) => each.offsetWidth))"""
_SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def outside(page: Page, selector: str) -> dict[str, Any]:
    """What of `selector` is outside the window, by the window's size; and what scrolls sideways."""
    found: dict[str, Any] = {}
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        await page.evaluate("scrollTo(0, 0)")
        await page.evaluate(SETTLED)
        left_out = await page.evaluate(_OUTSIDE, selector)
        sideways = await page.evaluate(_SIDEWAYS)
        if left_out or sideways > 0:
            found[f"{width}x{height}"] = (left_out, sideways)
    return found


async def test_page_shows_every_control_of_a_call(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        visiting(browser, url) as visitor,
    ):
        await visitor.button(f"Call {UID}").click()
        await visitor.live()
        page = visitor.page
        assert await page.locator("#controls button:visible").count() > 2
        assert await outside(page, "#controls button") == {}
        await page.set_viewport_size({"width": 360, "height": 740})
        await visitor.words("All measurements").click()
        await expect(visitor.part("measurements")).to_contain_text("framesDecoded")
        height = await visitor.part("measurements").evaluate("(part) => part.offsetHeight")
        assert height < LONGEST
        # a long value takes no room from the names
        narrowest = await page.evaluate(_NARROWEST)
        assert narrowest > 90


async def test_page_shows_every_control_while_it_rings(
    watcher: Watcher, browser: Browser, url: str
) -> None:
    ghost = Ghost(watcher, "a-device-with-a-name-that-is-as-long-as-a-name-may-be-in-all-64")
    async with visiting(browser, url) as visitor:
        ghost.appear()
        ghost.invite(await visitor.uid(), userData={"targets": ["kitchen", "phone"]})
        await expect(visitor.page.get_by_role("alertdialog")).to_be_visible()
        assert await outside(visitor.page, "[role=alertdialog] button") == {}


async def test_page_header_is_on_one_line(browser: Browser, url: str) -> None:
    async with visiting(browser, url, size=(360, 740)) as visitor:
        language = visitor.part("language")
        assert (await language.evaluate("(each) => each.getClientRects().length")) == 1
        one_line = "(each) => each.scrollHeight <= each.clientHeight && each.offsetHeight < 60"
        assert await language.evaluate(one_line)
        assert await visitor.page.evaluate(_SIDEWAYS) <= 0
