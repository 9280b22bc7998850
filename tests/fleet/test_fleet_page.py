"""The fleet's page over HTTP, and as people see it, in Chromium."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.async_api import ConsoleMessage, Page, expect

from agent.core.timestamps import format_time
from agent.fleet.fleet_page import FleetPage, fleet_page_folder
from agent.fleet.page_answers import PageAnswers
from agent.fleet.sql_store import SqlStore
from agent.fleet.sqlite_database import FILE_NAME, SqliteDatabase
from agent.web.web_options import WebOptions
from tests.e2e.browser import chromium
from tests.fleet.samples import closed, collected
from tests.free_ports import free_port

PASSWORD = "correct horse battery"
CONVERSATION = "11111111-2222-4333-8444-555555555555"
TEXTS = re.compile(r'^  "([a-z0-9_.A-Z]+)":', re.MULTILINE)


@asynccontextmanager
async def page_of(folder: Path, password: str | None = None) -> AsyncIterator[str]:
    options = WebOptions(port=free_port(), password=password)
    answers = PageAnswers(SqlStore(SqliteDatabase(folder / FILE_NAME, read_only=True)))
    async with FleetPage(options, answers, lambda: (b"metric 1\n", "text/plain")):
        yield options.url


@pytest.fixture
def fleet(tmp_path: Path) -> SqlStore:
    """Two devices, one with a fault, and a call between them."""
    store = SqlStore(SqliteDatabase(tmp_path / FILE_NAME))
    now = time.time()
    at, later = round(now * 1000), format_time(now - 1)
    record = closed(
        conversation=CONVERSATION,
        invitedAt=format_time(now - 12),
        timestamp=later,
        connectedAt=format_time(now - 11),
        endedAt=later,
        quality={"mos": 4.1, "model": "estimate"},
    )
    reports = [
        {
            "conversation": CONVERSATION,
            "timestamp": format_time(now - 10 + each),
            "video": {"bitrate": 100_000 * each, "framesPerSecond": 25},
            "transport": {"currentRoundTripTime": 0.02},
        }
        for each in range(4)
    ]
    store.write(
        [
            collected("door-1", "status", {"state": "online"}, at=at),
            collected("door-2", "status", {"state": "online"}, at=at),
            collected("door-2", "health", {"undervoltage": True}, at=at),
            collected("door-1", "events/closed", record, at=at),
            collected(
                "door-1",
                "events/closed",
                closed(connectedAt=None, reason="ice_failed", timestamp=later),
                at=at,
            ),
            *(collected("door-1", "events/local_stats", each, at=at) for each in reports),
        ]
    )
    return store


async def get(url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    def read() -> tuple[int, bytes, dict[str, str]]:
        request = Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except HTTPError as error:
            with error:
                return error.code, error.read(), dict(error.headers)

    return await asyncio.to_thread(read)


async def test_fleet_page_needs_the_password_for_all(tmp_path: Path, fleet: SqlStore) -> None:
    fleet.close()
    right = "Basic " + base64.b64encode(f"x:{PASSWORD}".encode()).decode()
    async with page_of(tmp_path, PASSWORD) as url:
        for path in ("", "api/devices", "metrics", "fleet.js"):
            assert (await get(url + path))[0] == 401
            assert (await get(url + path, Authorization=right))[0] == 200


async def test_fleet_page_answers_and_says_what_has_not_changed(
    tmp_path: Path, fleet: SqlStore
) -> None:
    fleet.close()
    async with page_of(tmp_path) as url:
        status, body, headers = await get(f"{url}api/overview?since=24h")
        assert status == 200
        assert b'"failed":1' in body
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        again = await get(f"{url}api/overview?since=24h", If_None_Match=headers["ETag"])
        assert again[:2] == (304, b"")
        assert (await get(f"{url}metrics"))[1] == b"metric 1\n"
        for path in ("api/device?uid=x", "api/what", "fleet.py", "../fleet.js"):
            assert (await get(url + path))[0] == 404
        assert (await get(url, Host="evil.example"))[0] == 403


async def test_fleet_page_before_anything_was_collected_says_so(tmp_path: Path) -> None:
    async with page_of(tmp_path) as url:
        status, body, _ = await get(f"{url}api/devices")
    assert status == 503
    assert b"no collector has written there yet" in body


def test_fleet_page_texts_are_there_in_both_languages() -> None:
    english, chinese = (
        TEXTS.findall((fleet_page_folder() / "texts" / f"{each}.js").read_text())
        for each in ("en", "zh")
    )
    assert english == chinese
    page = (fleet_page_folder() / "index.html").read_text()
    used = set(re.findall(r'data-i18n(?:-label)?="([^"]+)"', page))
    for script in fleet_page_folder().glob("*.js"):
        used |= set(re.findall(r'translate\("([^"]+)"', script.read_text()))
    assert used <= set(english)


def test_fleet_page_modules_are_small() -> None:
    lengths = {
        each.name: len(each.read_text().splitlines())
        for each in fleet_page_folder().rglob("*")
        if each.is_file()
    }
    assert {name for name, length in lengths.items() if length > 350} == set()


@asynccontextmanager
async def seen(url: str, language: str, width: int, scheme: str) -> AsyncIterator[Page]:
    faults: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            faults.append(message.text)

    async with chromium() as browser:
        context = await browser.new_context(
            locale=language,
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 800},
        )
        context.set_default_timeout(60_000)
        page = await context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.goto(url)
        await expect(page.get_by_test_id("live")).to_have_attribute(
            "data-state", "connected", timeout=60_000
        )
        yield page
    assert faults == []


@pytest.mark.browser
async def test_fleet_page_shows_devices_calls_and_a_change(tmp_path: Path, fleet: SqlStore) -> None:
    async with page_of(tmp_path) as url, seen(url, "en-GB", 1280, "light") as page:
        await expect(page.get_by_test_id("now-online")).to_have_text("2", timeout=60_000)
        await expect(page.get_by_test_id("worst-door-2")).to_contain_text("supply is too weak")
        await expect(page.get_by_test_id("spread-mos")).to_be_visible(timeout=60_000)
        await expect(page.get_by_test_id("why")).to_contain_text("no path between them")
        gone = {"state": "offline"}
        fleet.write([collected("door-1", "status", gone, at=round(time.time() * 1000))])
        await expect(page.get_by_test_id("now-offline")).to_have_text("1", timeout=60_000)
        # by keyboard alone: to the call, into it, and out of it
        link = page.get_by_test_id("latest").get_by_role("link", name="alice → door-1").last
        await link.focus()
        await page.keyboard.press("Enter")
        details = page.get_by_test_id("details")
        await expect(details).to_be_visible()
        await page.goto(f"{url}#call={CONVERSATION}")
        await expect(details.get_by_test_id("timeline")).to_contain_text("First picture")
        await expect(details.get_by_test_id("plots").get_by_role("img")).to_have_count(3)
        await page.keyboard.press("Escape")
        await expect(details).to_be_hidden()


@pytest.mark.browser
async def test_fleet_page_in_chinese_in_the_dark_fits_a_phone(
    tmp_path: Path, fleet: SqlStore
) -> None:
    fleet.close()
    async with page_of(tmp_path) as url, seen(url, "zh-CN", 360, "dark") as page:
        await expect(page.get_by_test_id("worst")).to_contain_text("供电不足", timeout=60_000)
        await expect(page.get_by_test_id("latest")).to_contain_text("door-1", timeout=60_000)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.get_by_test_id("language").click()
        await expect(page.get_by_test_id("worst")).to_contain_text("Under-voltage")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
