"""The page when something is wrong: the broker, the device, the microphone, and what may not happen
at all.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from agent.core.call.machine import Timing
from tests.conftest import Mosquitto
from tests.e2e.browser import HIDE_ADDRESSES, chromium
from tests.e2e.device import ACCEPT_ALL, UID, Program, Watcher, configuration, device
from tests.waiting import PATIENCE
from tests.web.page_harness import visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

# seconds; how long a call that is lost is held (PROTOCOL 3), and some to notice its end
HOLD = Timing().hold + PATIENCE
BROKER_AWAY = "The server for calls cannot be reached. Trying again…"


async def test_page_broker_restarts_during_a_call(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await visitor.call()
        mosquitto.kill()
        connection = visitor.part("connection")
        await expect(connection).to_have_attribute("data-state", "reconnecting")
        await expect(connection).to_have_text("Reconnecting")
        await expect(visitor.words(BROKER_AWAY)).to_be_visible()
        await visitor.frames(20)
        await expect(visitor.part("call-state")).to_have_attribute("data-state", "connected")
        await visitor.look("broker-away")
        mosquitto.start()
        await expect(connection).to_have_attribute("data-state", "connected")
        await expect(visitor.words(BROKER_AWAY)).to_be_hidden()
        await visitor.frames(20)
        mark = len(watcher.messages)
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
        record = await watcher.wait(f"{UID}/events/closed")
        await watcher.wait(f"{UID}/status", lambda body: not body["busy"], after=mark)
        # the next one works like the first
        await visitor.call()
        await visitor.hang_up()
    assert (record["reason"], record["closedBy"], record["reconnects"]) == (
        "user_hangup",
        "remote",
        0,
    )


async def test_page_network_changes_during_a_call(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    """The browser says that it is online anew: a fresh transport takes over, and the picture goes
    on.
    """
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await visitor.call()
        generation = await visitor.page.evaluate(
            "() => new Promise((done) => {"
            " const [conversation] = callbox.conversations;"
            " conversation.on('renewed', ({ generation }) => done(generation));"
            " dispatchEvent(new Event('online')); })"
        )
        await expect(visitor.part("call-state")).to_have_text("Live")
        await visitor.frames(20)
        tone = await visitor.tone()
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
        await expect(visitor.part("record")).to_contain_text("Reconnects")
        record = await watcher.wait(f"{UID}/events/closed")
    assert generation == 1
    assert tone["peak"] > 0
    assert record["reconnects"] == 1


async def test_page_hanging_up_while_the_broker_is_away(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await visitor.call()
        mosquitto.kill()
        await expect(visitor.part("connection")).to_have_attribute("data-state", "reconnecting")
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
        await expect(visitor.button(f"Call {UID}")).to_be_disabled()
        # nobody says any more whether it is in a call
        await expect(visitor.part(f"device-{UID}")).to_contain_text("Unknown")
        await visitor.look("device-unknown")
        mosquitto.start()
        record = await watcher.wait(f"{UID}/events/closed")
        await expect(visitor.button(f"Call {UID}")).to_be_enabled()
        await expect(visitor.part(f"device-{UID}")).to_contain_text("Online")
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "remote")


async def test_page_broker_is_away_when_the_page_opens(
    mosquitto: Mosquitto, browser: Browser, url: str
) -> None:
    mosquitto.kill()
    async with visiting(browser, url, state="connecting") as visitor:
        await expect(visitor.words(BROKER_AWAY)).to_be_visible()
        mosquitto.start()
        await expect(visitor.part("connection")).to_have_attribute("data-state", "connected")
        await expect(
            visitor.words("No device has come online yet. It will show up here by itself.")
        ).to_be_visible()
        await visitor.look("no-device")


async def test_page_device_comes_and_goes(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with visiting(browser, url) as visitor:
        card = visitor.part(f"device-{UID}")
        async with device(tmp_path, mosquitto, watcher) as program:
            await expect(card).to_contain_text("Online")
            await expect(visitor.button(f"Call {UID}")).to_be_enabled()
            program.signal(signal.SIGKILL)
            # the broker's word, some seconds later
            await expect(card).to_contain_text("Offline")
            await expect(visitor.button(f"Call {UID}")).to_be_hidden()
        async with device(tmp_path, mosquitto, watcher):
            await expect(card).to_contain_text("Online")
            await expect(visitor.button(f"Call {UID}")).to_be_enabled()


async def test_page_device_crashes_during_a_call(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    config = configuration(tmp_path, mosquitto.port, policy=ACCEPT_ALL)
    program = await Program.start(tmp_path / "device.log", "run", "--config", str(config))
    try:
        async with visiting(browser, url) as visitor:
            await visitor.call()
            program.signal(signal.SIGKILL)
            # its will has said so
            await expect(visitor.part("call-state")).to_have_text("The device is offline")
            await expect(visitor.part("call-state")).to_have_attribute("data-state", "reconnecting")
            await visitor.look("device-lost")
            await visitor.expect_end(
                f"The connection to {UID} was lost and did not come back.", patience=HOLD
            )
    finally:
        await program.end()


async def test_page_device_is_frozen_for_a_while(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    """Real silence: the process stands still, and nothing at all arrives. Then it goes on."""
    config = configuration(tmp_path, mosquitto.port, policy=ACCEPT_ALL)
    program = await Program.start(tmp_path / "device.log", "run", "--config", str(config))
    try:
        async with visiting(browser, url) as visitor:
            await visitor.call()
            program.signal(signal.SIGSTOP)
            await expect(visitor.part("call-state")).to_have_text("Reconnecting…")
            await expect(visitor.part("call-state")).to_have_attribute("data-state", "reconnecting")
            await visitor.look("device-silent")
            program.signal(signal.SIGCONT)
            await expect(visitor.part("call-state")).to_have_text("Live")
            await visitor.frames(20)
            await visitor.hang_up()
            await visitor.expect_end("You hung up.")
            record = await watcher.wait(f"{UID}/events/closed")
    finally:
        # a process that stands still would not hear that it is to end
        program.signal(signal.SIGCONT)
        await program.end()
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "remote")


async def test_page_microphone_that_is_denied(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, url: str
) -> None:
    """The picture comes all the same, and the page says why nobody hears the person."""
    async with (
        device(tmp_path, mosquitto, watcher),
        chromium(HIDE_ADDRESSES) as browser,
        visiting(browser, url, permissions=()) as visitor,
    ):
        await visitor.call()
        await expect(visitor.words("The browser may not use the microphone")).to_be_visible()
        await expect(visitor.button("No microphone")).to_be_disabled()
        tone = await visitor.tone()
        await visitor.look("microphone-denied")
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
        await expect(visitor.part("notices")).to_be_empty()
    assert tone["peak"] > 0


async def test_page_policy_of_the_page_lets_nothing_be_evaluated(
    browser: Browser, url: str
) -> None:
    async with visiting(browser, url) as visitor:
        answer = await visitor.page.request.get(url)
        policy = answer.headers["content-security-policy"]
        refused = await visitor.page.evaluate(
            "() => new Promise((done) => {"
            " addEventListener('securitypolicyviolation', (event) => done(event.blockedURI), { "
            "once: true });"
            " setTimeout('1 + 1', 0); })"
        )
        # that one was ours
        visitor.faults.clear()
    assert "unsafe" not in policy
    assert refused == "eval"


async def test_page_camera_and_full_screen(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with (
        device(tmp_path, mosquitto, watcher),
        visiting(browser, url, permissions=("microphone", "camera")) as visitor,
    ):
        await visitor.call()
        await expect(visitor.part("self")).to_be_hidden()
        await visitor.button("Turn your camera on").click()
        await expect(visitor.part("self")).to_be_visible()
        await watcher.wait(
            f"{UID}/events/remote_stats",
            lambda body: body.get("video", {}).get("framesReceived", 0) > 5,
        )
        await visitor.look("camera")
        await visitor.button("Turn your camera off").click()
        await expect(visitor.part("self")).to_be_hidden()
        await visitor.button("Full screen").click()
        await expect(visitor.button("Leave full screen")).to_be_visible()
        await visitor.frames(5)
        await visitor.look("full-screen")
        await visitor.hang_up()
        await visitor.expect_end("You hung up.")
