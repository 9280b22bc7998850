"""What axe-core finds in the list, while it rings and in a call: nothing, in either language, light
and dark, at each size.
"""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, device
from tests.parts import require_part
from tests.web.page_harness import Ghost, Visitor, visiting
from tests.web.test_page_fits import SETTLED, SIZES

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

AXE = "axe-core@4.11.0"
NAME = "a-device-with-a-name-that-is-as-long-as-a-name-may-be-in-all-64"
_FIND = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target)}`)"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("axe")
    npm = require_part("npm", "npm")
    command = [npm, "pack", "--loglevel=error", AXE]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        source = archive.extractfile("package/axe.min.js")
        assert source is not None
        (folder / "axe.js").write_bytes(source.read())
    return folder / "axe.js"


async def find(visitor: Visitor, state: str) -> dict[str, Any]:
    """What axe says, by state, size and scheme."""
    found = {}
    for width, height in SIZES:
        await visitor.page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            await visitor.page.emulate_media(color_scheme=scheme)
            await visitor.page.evaluate(SETTLED)
            if violations := await visitor.page.evaluate(_FIND):
                found[f"{state} {width}x{height} {scheme}"] = violations
    return found


@asynccontextmanager
async def visiting_with(
    axe: Path, browser: Browser, url: str, locale: str
) -> AsyncIterator[Visitor]:
    async def prepare(context: BrowserContext) -> None:
        await context.add_init_script(path=axe)

    async with visiting(browser, url, language=locale, prepare=prepare) as visitor:
        yield visitor


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_page_axe_finds_nothing(
    axe: Path,
    tmp_path: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    browser: Browser,
    url: str,
    locale: str,
) -> None:
    ghost = Ghost(watcher, NAME)
    async with (
        device(tmp_path, mosquitto, watcher),
        visiting_with(axe, browser, url, locale) as visitor,
    ):
        ghost.appear()
        await expect(visitor.part(f"device-{NAME}")).to_be_visible()
        card = visitor.part(f"device-{UID}")
        await expect(card.locator(".call")).to_be_enabled()
        found = await find(visitor, "list")
        conversation = ghost.invite(await visitor.uid(), userData={"targets": ["kitchen"]})
        await expect(visitor.page.get_by_role("alertdialog")).to_be_visible()
        found |= await find(visitor, "ring")
        ghost.say(await visitor.uid(), conversation, "close", reason="cancelled")
        await expect(visitor.part("incoming")).to_be_hidden()
        await card.locator(".call").click()
        await visitor.live()
        found |= await find(visitor, "call")
        await visitor.part("hang-up").click()
    assert found == {}


async def test_page_axe_would_find_something(axe: Path, browser: Browser, url: str) -> None:
    """Or the test above holds nothing."""
    async with visiting_with(axe, browser, url, "en-GB") as visitor:
        await visitor.page.evaluate(
            "document.getElementById('open-settings').removeAttribute('aria-label'),"
            "document.getElementById('open-settings').removeAttribute('title')"
        )
        assert "button-name" in str(await find(visitor, "broken"))
