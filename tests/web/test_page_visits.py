"""The last visits on the page: pictures, what became of them, what was said."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from agent.device.visits import Visit, Visits
from tests.conftest import Mosquitto
from tests.web.page_harness import NARROW, serving, visiting
from tests.web.pictures import jpeg

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]


LOADED = "() => [...document.querySelectorAll('.visit img')].every(each => each.naturalWidth)"


def visits(folder: Path) -> Visits:
    """Nine visits; the newest were answered, opened, missed, and left a message."""
    kept, now = Visits(folder / "visits"), time.time()
    for number in range(5):
        kept.add(Visit(id=f"old-{number}", at=now - 400_000 + number, button="front", missed=True))
    outcomes: list[dict[str, Any]] = [
        {"missed": True},
        {"message": "m1"},
        {"opened_by": "alice"},
        {"answered_by": "bob"},
    ]
    for number, outcome in enumerate(outcomes):
        visit = Visit(id=f"new-{number}", at=now - 60 + number, button="front", **outcome)
        kept.add(visit, jpeg(640, 360) if number else None)
    return kept


@pytest.mark.parametrize(("language", "title"), [("en-US", "At the door"), ("zh-CN", "门口")])
async def test_page_shows_the_last_visits(
    tmp_path: Path, mosquitto: Mosquitto, browser: Browser, language: str, title: str
) -> None:
    kept = visits(tmp_path)
    async with (
        serving(mosquitto, documents=kept.document, visits=True) as url,
        visiting(browser, url, language=language) as visitor,
    ):
        section = visitor.part("visits")
        await expect(section.get_by_role("heading")).to_have_text(title)
        await expect(section.get_by_role("listitem")).to_have_count(6)
        await expect(section.get_by_role("link")).to_have_count(3)
        await expect(section.locator("audio")).to_have_attribute("src", "messages/m1.ogg")
        await section.scroll_into_view_if_needed()
        await visitor.page.wait_for_function(LOADED)
        if language == "en-US":
            first = section.get_by_role("listitem").first
            await expect(first).to_contain_text("bob answered")
            await expect(first).to_contain_text("front button")
            await visitor.look("visits")
            await visitor.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
            await visitor.page.emulate_media(color_scheme="dark")
            await visitor.look("visits-narrow-dark")
        await visitor.part("more-visits").click()
        await expect(section.get_by_role("listitem")).to_have_count(9)
        await expect(visitor.part("more-visits")).to_be_hidden()


async def test_page_sees_a_new_visit_when_it_is_looked_at_again(
    tmp_path: Path, mosquitto: Mosquitto, browser: Browser
) -> None:
    kept = Visits(tmp_path / "visits")
    async with (
        serving(mosquitto, documents=kept.document, visits=True) as url,
        visiting(browser, url) as visitor,
    ):
        section = visitor.part("visits")
        await expect(section).to_be_hidden()
        kept.add(Visit(id="one", at=time.time(), button="<b>front</b>", missed=True))
        await visitor.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        await expect(section).to_contain_text("<b>front</b> button")
        await expect(section).to_contain_text("Nobody answered")


async def test_page_of_a_broker_alone_asks_for_no_visits(url: str, browser: Browser) -> None:
    async with visiting(browser, url) as visitor:
        await expect(visitor.part("visits")).to_be_hidden()
