"""Looking from the page, and turning a look into a talk: whole devices, a real broker, real WebRTC
(PROTOCOL 3).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, device
from tests.web.page_harness import Visitor, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]


async def looking(visitor: Visitor) -> None:
    """Press Look, and see a live picture."""
    await visitor.button(f"Look at {UID}").click()
    await visitor.live()
    await expect(visitor.part("call-state")).to_contain_text("only looking")


async def test_page_view_beside_a_call_and_then_the_call_itself(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        visiting(browser, url) as viewer,
        visiting(browser, url) as caller,
    ):
        await looking(viewer)
        await expect(viewer.part("mute")).to_be_hidden()
        await expect(viewer.part("camera")).to_be_hidden()
        await viewer.look("view")
        # it takes no line
        await caller.call()
        await expect(viewer.part("join")).to_be_enabled()
        await viewer.part("join").click()
        await expect(viewer.words("The line is taken by another call")).to_be_visible()
        await viewer.frames(5)
        uid = await caller.uid()
        await caller.hang_up()
        await watcher.wait(f"{UID}/events/closed", lambda body: body["remoteUid"] == uid)
        # now it is free
        await viewer.part("join").click()
        await expect(viewer.part("join")).to_be_hidden()
        await expect(viewer.part("mute")).to_be_enabled()
        await expect(viewer.part("mute")).to_be_focused()
        await viewer.frames(5)
        viewing = await viewer.uid()
        await watcher.wait(
            f"{UID}/events/remote_stats",
            lambda body: (
                body["remoteUid"] == viewing and body.get("audio", {}).get("packetsReceived", 0) > 0
            ),
        )
        await watcher.wait(f"{UID}/status", lambda body: body["busy"] is True)
        await viewer.look("view-talks")
        await viewer.hang_up()
        await viewer.expect_end("You hung up.")
        record = await watcher.wait(
            f"{UID}/events/closed", lambda body: body["remoteUid"] == viewing
        )
    assert "purpose" not in record
    assert record["talkAt"]
    assert record["reconnects"] == 1


async def test_page_view_hears_that_no_more_may_look(
    tmp_path: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    browser: Browser,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALLBOX_MAX_VIEWERS", "0")
    async with (
        device(tmp_path, mosquitto, watcher),
        visiting(browser, url) as viewer,
    ):
        await viewer.button(f"Look at {UID}").click()
        await viewer.expect_end(
            f"As many as may are looking at {UID} already. Try again in a moment."
        )
        await viewer.call()
        await viewer.hang_up()
        await viewer.expect_end("You hung up.")
