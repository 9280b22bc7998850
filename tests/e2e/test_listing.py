"""A listing written for a video SDK runs as it is, in Chromium."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Route

from tests.conftest import Mosquitto
from tests.e2e.browser import chromium
from tests.e2e.device import PREFIX, UID, Watcher, device
from tests.waiting import PATIENCE
from tests.web.page_harness import serving

FOLDER = Path(__file__).parent

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]


async def _serve(route: Route) -> None:
    """The listing's own files; all else is the page's."""
    path = FOLDER / Path(urlsplit(route.request.url).path).name
    kind = "text/html" if path.suffix == ".html" else "text/javascript"
    await route.fulfill(path=path, content_type=kind)


@asynccontextmanager
async def listing(mosquitto: Mosquitto) -> AsyncIterator[Page]:
    async with serving(mosquitto) as url, chromium() as browser:
        # A document that a test puts in place counts as one from the internet.
        permissions = ["camera", "microphone", "local-network-access"]
        context = await browser.new_context(permissions=permissions)
        context.set_default_timeout(PATIENCE * 1000)
        page = await context.new_page()
        await page.route(re.compile(r"/listing\.(html|js)"), _serve)
        await page.goto(f"{url.rstrip('/')}/listing.html?prefix={PREFIX}&device={UID}")
        await page.wait_for_function("() => globalThis.ready")
        await page.evaluate("() => ready")
        yield page


async def called(page: Page, remote_uid: str, data: str) -> dict[str, Any]:
    """What the listing has seen, once the call is over."""
    await page.evaluate("([uid, data]) => call(uid, data)", [remote_uid, data])
    seen: dict[str, Any] = await page.evaluate("() => seen")
    return seen


async def test_listing_calls_a_device(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with device(tmp_path, mosquitto, watcher), listing(mosquitto) as page:
        seen = await called(page, UID, "userData")
        event = await watcher.wait(f"{UID}/events/called")
    assert seen["words"] == ["accepted", "stream: true", "closed"]
    assert seen["remote"] > 0
    assert event["userData"] == "userData"


async def test_listing_is_called_and_accepts(mosquitto: Mosquitto) -> None:
    async with listing(mosquitto) as page:
        seen = await called(page, "answers", "hello")
    assert seen["words"] == ["accepted", "stream: true", "closed"]
    assert seen["incoming"] == ["listing", "hello", True]
    assert (seen["local"], seen["remote"]) > (0, 0)


async def test_listing_is_rejected(mosquitto: Mosquitto) -> None:
    async with listing(mosquitto) as page:
        seen = await called(page, "answers", "not now")
    assert seen["words"] == ["rejected", "closed"]


async def test_listing_hears_of_an_error_in_a_sentence(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with listing(mosquitto) as page:
        calling = asyncio.create_task(called(page, "nobody", "x"))
        invite = await watcher.wait("nobody/signal/listing")
        watcher.publish(
            "listing/signal/nobody",
            {
                "type": "error",
                "conversation": invite["conversation"],
                "party": "p",
                "code": "invalid",
                "message": "invite.sdp: is not for us",
            },
        )
        words = (await calling)["words"]
    assert words == [
        "Conversation error is Invite.sdp: is not for us.",
        "rejected",
        "closed",
    ]


async def test_listing_with_an_unknown_event_is_told_the_known_ones(mosquitto: Mosquitto) -> None:
    async with listing(mosquitto) as page:
        error = await page.evaluate("() => names")
    assert error["name"] == "TypeError"
    assert error["message"].endswith("there are called, connection, presence, household, error")
