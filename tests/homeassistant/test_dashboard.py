"""Home Assistant's own dashboard in Chromium: a live card, the dialog, and its microphone."""

from __future__ import annotations

import json
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.conftest import Mosquitto
from tests.e2e.browser import chromium
from tests.homeassistant.component import COMPONENT
from tests.homeassistant.conftest import Start
from tests.homeassistant.home import HomeAssistant
from tests.homeassistant.installation import NEWEST
from tests.homeassistant.integration import LABS, Scene, at_home

pytestmark = [
    pytest.mark.homeassistant,
    pytest.mark.broker,
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.further_case,
]
SCRIPT = Path(__file__).parent / "dashboard.js"
FLAGS = ("--use-fake-ui-for-media-stream",)


@pytest.fixture(scope="module")
def home(home_broker: Mosquitto, start_home: Start) -> HomeAssistant:
    options: dict[str, Any] = {"custom": [COMPONENT], "labs": LABS, "frontend": True}
    return start_home(NEWEST, mqtt_port=home_broker.port, **options)


@pytest_asyncio.fixture
async def page(home: HomeAssistant) -> AsyncIterator[Page]:
    """Somebody who is logged in."""
    tokens = {
        "access_token": home.token,
        "token_type": "Bearer",
        "expires_in": 1800,
        "hassUrl": home.address,
        "clientId": None,
        "expires": (time.time() + 10**8) * 1000,
        "refresh_token": "",
    }
    async with chromium(*FLAGS) as browser:
        page = await browser.new_page(viewport={"width": 1000, "height": 760})
        page.set_default_timeout(60_000)
        stored = json.dumps(json.dumps(tokens))
        await page.add_init_script(f"localStorage.hassTokens = {stored}")
        await page.add_init_script(path=SCRIPT)
        yield page


async def dashboard(scene: Scene, view: str) -> str:
    """The address of a dashboard with one card."""
    path = f"{scene.uid}-{view}"
    await scene.link.command(
        "lovelace/dashboards/create", url_path=path, title=path, mode="storage"
    )
    card = {"type": "picture-entity", "entity": scene.camera, "camera_view": view}
    config = {"views": [{"title": "Door", "cards": [card]}]}
    await scene.link.command("lovelace/config/save", url_path=path, config=config)
    return f"{scene.home.address}/{path}/0"


async def test_live_card_looks_and_its_ice_restart_is_the_same_view(
    tmp_path: Path, home: HomeAssistant, home_broker: Mosquitto, page: Page
) -> None:
    async with at_home(tmp_path, home, home_broker, "card") as scene:
        await page.goto(await dashboard(scene, "live"), wait_until="commit")
        seen = await page.evaluate("nextPicture(0)")
        print(f"an empty tab to the live card: {seen['after']} ms")
        assert seen["width"] == 320
        assert await scene.call_state() == "idle"
        assert await page.evaluate("restartIce()") is None
        await page.goto("about:blank")
        record = await scene.watcher.wait("card/events/closed")
        assert (record["purpose"], record["reconnects"]) == ("view", 1)
        await scene.ask("privacy", on=True)
        await page.goto(await dashboard(scene, "auto"))
        await page.locator("hui-picture-entity-card").click()
        alert = page.locator("ha-web-rtc-player ha-alert")
        await alert.wait_for()
        assert "card is in privacy mode" in await alert.inner_text()


async def test_dialog_shows_the_picture_at_once_and_its_microphone_is_the_call(
    tmp_path: Path,
    home: HomeAssistant,
    home_broker: Mosquitto,
    page: Page,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = tmp_path / "heard.wav"
    # only a device that can be heard at is offered a microphone
    monkeypatch.setenv("CALLBOX_AUDIO__PLAYBACK", f"file:{heard}")
    async with at_home(tmp_path, home, home_broker, "dialog") as scene:
        address = await dashboard(scene, "auto")
        took = []
        for _ in range(4):
            await page.goto(address)
            card = page.locator("hui-picture-entity-card")
            await card.wait_for()
            await page.wait_for_load_state("networkidle")
            clicked = await page.evaluate("performance.now()")
            await card.click()
            took.append((await page.evaluate(f"nextPicture({clicked})"))["after"])
            await page.goto("about:blank")
        print(f"from the tap on the card to the picture: {took} ms")
        await page.goto(address)
        await page.locator("hui-picture-entity-card").click()
        await page.evaluate("nextPicture(0)")
        assert await scene.call_state() == "idle"
        button = page.locator("#microphone-button ha-button")
        await button.wait_for()
        clicked = await page.evaluate("performance.now()")
        await button.click()
        await scene.watcher.wait("dialog/call", lambda body: body["state"] == "in_call")
        seen = await page.evaluate(f"nextPicture({clicked})")
        print(f"from the microphone to the picture: {seen['after']} ms")
        await scene.watcher.wait(
            "dialog/events/remote_stats",
            lambda body: body.get("audio", {}).get("bytesReceived", 0) > 2000,
        )
        assert await page.evaluate("hearSound()") > 0
        await page.goto("about:blank")
        # a view that somebody comes back to at once goes on, and so did the last of them
        await scene.watcher.wait(
            "dialog/events/closed",
            lambda body: "purpose" not in body and body["reconnects"] >= 1,
        )
    # Chromium's own microphone beeps
    with wave.open(str(heard)) as played:
        samples = memoryview(played.readframes(played.getnframes())).cast("h")
    assert max(samples) > 1000
