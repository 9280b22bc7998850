"""Push-to-talk from the page: a button to hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, device
from tests.web.page_harness import visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]


async def said(watcher: Watcher, uid: str, on: bool) -> dict[str, Any]:
    """What the page told the device of its button."""
    message: dict[str, Any] = await watcher.wait(
        f"{UID}/signal/{uid}", lambda body: (body["type"], body.get("on")) == ("talk", on)
    )
    return message


async def test_page_talk_button_is_held_and_let_go_of(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    settings = 'mode = "push_to_talk"\n'
    async with (
        device(tmp_path, mosquitto, watcher, audio=settings),
        visiting(browser, url) as visitor,
    ):
        await visitor.call()
        uid = await visitor.uid()
        button = visitor.button("Hold to talk")
        await visitor.tone()
        await button.hover()
        await visitor.page.mouse.down()
        await expect(button).to_have_attribute("aria-pressed", "true")
        await said(watcher, uid, True)
        await visitor.page.mouse.up()
        await expect(button).to_have_attribute("aria-pressed", "false")
        await said(watcher, uid, False)
        await button.focus()
        await visitor.page.keyboard.down(" ")
        await expect(button).to_have_attribute("aria-pressed", "true")
        await visitor.page.keyboard.up(" ")
        await expect(button).to_have_attribute("aria-pressed", "false")
        await visitor.look("talk")
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
        await expect(button).to_be_hidden()


async def test_page_has_no_talk_button_for_a_device_that_hears_at_all_times(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await visitor.call()
        await expect(visitor.part("talk")).to_be_hidden()
        await visitor.hang_up()
