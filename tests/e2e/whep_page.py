"""The WHEP client of the draft's author (npm `whip-whep`) in a page of Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Route

from tests.foreign.stack import install, prepared
from tests.parts import require_part
from tests.waiting import PATIENCE

# a secure context; nothing listens there, the files are put in its place
ORIGIN = "http://localhost"
# else Chromium asks a person whether the page, which comes from nowhere, may speak to this machine
NOT_ASKED = "--disable-features=LocalNetworkAccessChecks"
PACKAGE = "whip-whep@1.2"
_PAGE = "<!doctype html><video id=video autoplay muted playsinline></video>"
_VIEW = """async ([url, token]) => {
  const { WHEPClient } = await import("/whep.js");
  const pc = new RTCPeerConnection();
  const video = document.getElementById("video");
  video.srcObject = new MediaStream();
  pc.ontrack = ({ track }) => video.srcObject.addTrack(track);
  for (const kind of ["video", "audio"]) pc.addTransceiver(kind, { direction: "recvonly" });
  window.pc = pc;
  window.whep = new WHEPClient();
  await window.whep.view(pc, url, token);
}"""


def whep_client() -> Path:
    """The package's file, installed once."""
    npm = require_part("npm")
    with prepared("whip-whep") as folder:
        file = folder / "node_modules" / "whip-whep" / "whep.js"
        if not file.exists():
            (folder / "package.json").write_text('{"private": true}\n')
            install(
                [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", PACKAGE], folder
            )
        return file


class WhepPage:
    """A player in a page of its own."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def view(self, url: str, token: str) -> None:
        """Raises playwright's Error for what the client throws."""
        await self._page.evaluate(_VIEW, [url, token])

    async def until(self, condition: str) -> None:
        """Wait for an expression of JavaScript to become true in the page."""
        await self._page.wait_for_function(condition, timeout=PATIENCE * 1000)

    async def evaluate(self, expression: str) -> Any:
        return await self._page.evaluate(expression)

    async def stop(self) -> None:
        await self._page.evaluate("window.whep.stop()")


@asynccontextmanager
async def whep_page(browser: Browser) -> AsyncIterator[WhepPage]:
    client = whep_client()

    async def serve(route: Route) -> None:
        if route.request.url == f"{ORIGIN}/whep.js":
            await route.fulfill(path=client, content_type="text/javascript")
        else:
            await route.fulfill(body=_PAGE, content_type="text/html")

    context = await browser.new_context(permissions=["microphone"])
    context.set_default_timeout(PATIENCE * 1000)
    await context.route(f"{ORIGIN}/**", serve)
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(f"{ORIGIN}/")
    try:
        yield WhepPage(page)
    finally:
        await context.close()
    assert not faults, faults
