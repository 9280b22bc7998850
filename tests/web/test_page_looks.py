"""The page for every person: narrow and wide, dark and light, English and Chinese, by keyboard
alone.
"""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher, device
from tests.web.page_harness import GUARD, NARROW, WIDE, Ghost, Visitor, visiting
from tests.web.pictures import jpeg

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]


@pytest.fixture(scope="module")
def snapshot() -> str:
    """A small JPEG as a device puts it into an invitation: base64, at most 4 KiB with all around
    it.
    """
    data = jpeg(160, 120)
    assert len(data) < 2_500
    return base64.b64encode(data).decode()


class Tour:
    """Looks at one state after the other, each in both widths and in both schemes."""

    def __init__(self, visitor: Visitor, language: str) -> None:
        self._visitor = visitor
        self._language = language

    async def look(self, name: str) -> None:
        page = self._visitor.page
        for size, (width, height) in (("wide", WIDE), ("narrow", NARROW)):
            await page.set_viewport_size({"width": width, "height": height})
            await page.emulate_media(color_scheme="dark")
            await self._visitor.look(f"{self._language}-{size}-dark-{name}")
            await page.emulate_media(color_scheme="light")
            await self._visitor.look(f"{self._language}-{size}-light-{name}")


KEYS = {
    "idle": "stage.idle.title",
    "call": "devices.call.label",
    "ringing": "stage.ringing",
    "declined": "end.rejected.remote",
    "calling": "incoming.title",
    "snapshot": "incoming.snapshot",
    "reject": "incoming.reject",
    "settings": "settings.title",
    "all": "plots.details",
    "hang up": "control.hangup",
    "ended": "end.user_hangup.local",
    "rejected": "end.rejected.local",
}


async def words_of(visitor: Visitor, language: str) -> dict[str, str]:
    """The page's own words, of which this test holds that they are where they belong."""
    module = "async (language) => (await import('/i18n.js')).TEXTS[language]"
    texts: dict[str, str] = await visitor.page.evaluate(module, language)
    return {name: texts[key] for name, key in KEYS.items()}


async def look_at_a_call(visitor: Visitor, tour: Tour, words: dict[str, str]) -> None:
    """From Call to the record, with a device that is there."""
    await visitor.button(words["call"].format(name=UID)).click()
    await visitor.live()
    await expect(visitor.part("measurements").get_by_role("img").first).to_be_attached()
    await tour.look("6-live")
    await visitor.words(words["all"]).click()
    await expect(visitor.part("measurements")).to_contain_text("framesDecoded")
    await tour.look("7-measurements")
    await visitor.button(words["hang up"]).click()
    await visitor.expect_end(words["ended"])
    await tour.look("8-ended")


@pytest.mark.parametrize(("locale", "language"), [("en-GB", "en"), ("zh-CN", "zh")])
async def test_page_every_state_in_both_widths_and_schemes(
    tmp_path: Path,
    mosquitto: Mosquitto,
    watcher: Watcher,
    browser: Browser,
    url: str,
    snapshot: str,
    locale: str,
    language: str,
) -> None:
    ghost = Ghost(watcher, "a-device-with-a-name-that-is-as-long-as-a-name-may-be-in-all-64")
    async with visiting(browser, url, language=locale) as visitor:
        words = await words_of(visitor, language)
        tour = Tour(visitor, language)
        await expect(visitor.words(words["idle"])).to_be_visible()
        await tour.look("1-empty")
        ghost.appear()
        Ghost(watcher, "gone-1").appear("offline")
        await visitor.button(words["call"].format(name=ghost.uid)).click()
        invitation = await ghost.invited(me := await visitor.uid())
        ghost.say(me, invitation["conversation"], "ringing", expiresIn=30)
        await expect(visitor.words(words["ringing"])).to_be_visible()
        await tour.look("2-ringing")
        ghost.say(
            me, invitation["conversation"], "response", callStatus="REJECTED", reason="declined"
        )
        await visitor.expect_end(words["declined"].format(name=ghost.uid))
        await tour.look("3-declined")
        conversation = ghost.invite(me, userData={"snapshot": snapshot})
        dialog = visitor.page.get_by_role(
            "alertdialog", name=words["calling"].format(name=ghost.uid)
        )
        await expect(dialog).to_be_visible()
        picture = dialog.get_by_role("img", name=words["snapshot"].format(name=ghost.uid))
        await expect(picture).to_have_js_property("naturalWidth", 160)
        await tour.look("4-incoming")
        await visitor.answer(words["reject"])
        await visitor.expect_end(words["rejected"].format(name=ghost.uid))
        answer = await ghost.told(me, "response")
        await visitor.part("open-settings").click()
        await expect(visitor.page.get_by_role("dialog", name=words["settings"])).to_be_visible()
        await tour.look("5-settings")
        await visitor.page.keyboard.press("Escape")
        async with device(tmp_path, mosquitto, watcher):
            await look_at_a_call(visitor, tour, words)
    assert (answer["conversation"], answer["callStatus"]) == (conversation, "REJECTED")


async def test_page_language_can_be_chosen_and_is_kept(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), visiting(browser, url) as visitor:
        await visitor.call()
        await visitor.part("language").click()
        await expect(visitor.button("挂断")).to_be_visible()
        await expect(visitor.page.locator("html")).to_have_attribute("lang", "zh-Hans")
        await visitor.button("挂断").click()
        await visitor.expect_end("您已挂断。")
        await visitor.part("language").click()
        await visitor.expect_end("You hung up.")
        await visitor.part("language").click()
        await visitor.page.reload()
        await expect(visitor.button(f"呼叫 {UID}")).to_be_visible()


async def test_page_what_is_wrong_would_be_seen(browser: Browser, url: str) -> None:
    """The tests above hold nothing if looking finds nothing."""
    break_things = """() => {
        const title = document.getElementById("devices-title");
        title.style.color = "rgb(200 200 200)";
        title.style.width = "3000px";
        Object.assign(document.getElementById("language").style, { height: "10px", minHeight: "0" });
        document.getElementById("open-settings").removeAttribute("aria-label");
    }"""
    async with visiting(browser, url) as visitor:
        await expect(visitor.words("No device has come online yet")).to_be_visible()
        assert await visitor.page.evaluate("() => probe.faults()") == []
        await visitor.page.evaluate(break_things)
        faults = await visitor.page.evaluate("() => probe.faults()")
    assert len(faults) == 4
    for fault, words in zip(
        faults, ("wider than its window", "px", "has no name", "contrast"), strict=True
    ):
        assert words in fault


@asynccontextmanager
async def at_the_keyboard(browser: Browser, url: str) -> AsyncIterator[Visitor]:
    """A person without a mouse: nothing in here may click."""
    async with visiting(browser, url) as visitor:
        yield visitor


async def tab_to(visitor: Visitor, name: str) -> None:
    """Press Tab until the button has the focus, and see that it shows that."""
    button = visitor.button(name)
    await expect(button).to_be_visible()
    for _ in range(12):
        if await button.evaluate("button => button === document.activeElement"):
            break
        await visitor.page.keyboard.press("Tab")
    await expect(button).to_be_focused()
    outline = await button.evaluate("button => getComputedStyle(button).outlineStyle")
    assert outline not in ("none", ""), f"the focus on {name} cannot be seen"


async def test_page_by_keyboard_alone(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), at_the_keyboard(browser, url) as visitor:
        keyboard = visitor.page.keyboard
        await tab_to(visitor, f"Call {UID}")
        await visitor.look("keyboard-call")
        await keyboard.press("Enter")
        await visitor.live()
        await expect(visitor.button("Hang up")).to_be_focused()
        await expect(visitor.button("Mute the microphone")).to_be_enabled()
        for _ in range(3):
            await keyboard.press("Shift+Tab")
        await expect(visitor.button("Mute the microphone")).to_be_focused()
        await keyboard.press("Space")
        await expect(visitor.button("Unmute the microphone")).to_have_attribute(
            "aria-pressed", "true"
        )
        await tab_to(visitor, "Hang up")
        await visitor.look("keyboard-live")
        await keyboard.press("Enter")
        await visitor.expect_end("You hung up.")
        await expect(visitor.part("announcer")).to_have_text("You hung up.")
        await expect(visitor.button(f"Call {UID}")).to_be_focused()


async def test_page_incoming_call_by_keyboard_alone(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, browser: Browser, url: str
) -> None:
    async with device(tmp_path, mosquitto, watcher), at_the_keyboard(browser, url) as visitor:
        me = await visitor.uid()
        for key, ending in (
            ("Escape", f"You declined the call from {UID}."),
            ("Enter", "You hung up."),
        ):
            mark = len(watcher.messages)
            watcher.publish(f"{UID}/command/call", {"to": [me], "lifetime": 20})
            await expect(visitor.part("incoming")).to_be_visible()
            await expect(visitor.button("Accept")).to_be_focused()
            await visitor.settled()
            await visitor.page.keyboard.press(key)
            if key == "Enter":
                await visitor.live()
                await tab_to(visitor, "Hang up")
                await visitor.page.keyboard.press("Enter")
            await visitor.expect_end(ending)
            await watcher.wait(f"{UID}/events/closed", after=mark)


async def test_page_keys_that_were_meant_for_something_else(
    watcher: Watcher, browser: Browser, url: str
) -> None:
    """Somebody types while a call comes in: for half a second nothing is taken for an answer."""
    ghost = Ghost(watcher)
    async with visiting(browser, url, prepare=lambda context: context.clock.install()) as visitor:
        await visitor.page.clock.pause_at(time.time() + 5)
        ghost.invite(me := await visitor.uid())
        await expect(visitor.part("incoming")).to_be_visible()
        for key in ("Enter", "Escape", "Escape", "Escape"):
            await visitor.page.keyboard.press(key)
            await expect(visitor.part("incoming")).to_be_visible()
        await visitor.page.clock.run_for(GUARD)
        await visitor.page.keyboard.press("Escape")
        await visitor.expect_end(f"You declined the call from {ghost.uid}.")
        await visitor.page.clock.resume()
        answer = await ghost.told(me, "response")
    assert answer["callStatus"] == "REJECTED"


async def test_page_settings_by_keyboard_alone(
    mosquitto: Mosquitto, browser: Browser, url: str
) -> None:
    async with at_the_keyboard(browser, url) as visitor:
        keyboard = visitor.page.keyboard
        await tab_to(visitor, "Settings")
        await keyboard.press("Enter")
        name = visitor.page.get_by_role("textbox", name="Your name")
        await expect(name).to_be_visible()
        await name.focus()
        await keyboard.press("ControlOrMeta+a")
        await keyboard.type("front desk")
        await keyboard.press("Enter")
        await expect(name).to_have_attribute("aria-invalid", "true")
        await visitor.look("name-refused")
        await keyboard.press("ControlOrMeta+a")
        await keyboard.type("front-desk")
        async with visitor.page.expect_navigation():
            await keyboard.press("Enter")
        await expect(visitor.part("connection")).to_have_attribute("data-state", "connected")
        assert await visitor.uid() == "front-desk"
