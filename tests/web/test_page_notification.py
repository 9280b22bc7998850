"""A ring in a tab that nobody looks at: the browser's notification, and what a refusal leads to.

Chromium really shows them; that nobody looks at the tab it has to be told, since a browser without
a window shows each of its tabs.
"""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, BrowserContext, WebSocket, expect

from tests.conftest import Mosquitto
from tests.e2e.device import Watcher
from tests.waiting import PATIENCE
from tests.web.page_harness import Ghost, Visitor, serving, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser]

_WATCH = """
globalThis.shown = [];
const says = () => shown.map(({ title, state }) => `${title}: ${state}`).join();
let told = () => {};
globalThis.until = async (states) => {
  while (says() !== states) await new Promise((resolve) => (told = resolve));
};
const become = (entry, state) => {
  entry.state = state;
  told();
};
globalThis.Notification = class extends Notification {
  constructor(title, options) {
    super(title, options);
    shown.push({ title, body: options.body, element: this, state: "made" });
    const entry = shown.at(-1);
    this.addEventListener("show", () => become(entry, "shown"));
    this.addEventListener("error", () => become(entry, "refused"));
    this.addEventListener("close", () => become(entry, "closed"));
  }
};
globalThis.focusCount = 0;
globalThis.focus = () => (focusCount += 1);
let isHidden = false;
Object.defineProperty(Document.prototype, "hidden", { get: () => isHidden });
globalThis.look = (isSeen) => {
  isHidden = !isSeen;
  document.dispatchEvent(new Event("visibilitychange"));
};
"""
_MAY = ("microphone", "notifications")


async def watched(context: BrowserContext) -> None:
    await context.add_init_script(_WATCH)


async def let_ask(context: BrowserContext) -> None:
    """Somebody who has not been asked yet; Chromium says no to every page without a window."""
    await watched(context)
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    target = await session.send("Target.getTargetInfo")
    await session.send(
        "Browser.setPermission",
        {
            "permission": {"name": "notifications"},
            "setting": "prompt",
            "browserContextId": target["targetInfo"]["browserContextId"],
        },
    )
    await page.close()


async def until(visitor: Visitor, states: str) -> None:
    async with asyncio.timeout(PATIENCE):
        await visitor.page.evaluate("(states) => until(states)", states)


async def choose_to_be_notified(visitor: Visitor) -> None:
    await visitor.part("open-settings").click()
    await visitor.part("notify").check()
    await expect(visitor.part("notify-help")).to_be_hidden()
    await visitor.part("save-settings").click()


async def test_page_notifies_of_a_ring_out_of_sight(
    watcher: Watcher, browser: Browser, url: str
) -> None:
    ghost = Ghost(watcher)
    async with visiting(browser, url, permissions=_MAY, prepare=watched) as visitor:
        await choose_to_be_notified(visitor)
        me = await visitor.uid()
        await visitor.page.evaluate("look(false)")
        conversation = ghost.invite(me)
        await until(visitor, "ghost-1 is calling: shown")
        await visitor.page.evaluate("shown[0].element.dispatchEvent(new Event('click'))")
        await until(visitor, "ghost-1 is calling: closed")
        assert await visitor.page.evaluate("focusCount") == 1
        # the ring goes on in the page, and its end is the notification's
        await expect(visitor.part("incoming")).to_be_visible()
        await visitor.page.evaluate("look(true), look(false)")
        await until(visitor, "ghost-1 is calling: closed,ghost-1 is calling: shown")
        ghost.say(me, conversation, "close", reason="cancelled")
        await until(visitor, "ghost-1 is calling: closed,ghost-1 is calling: closed")
        await expect(visitor.part("incoming")).to_be_hidden()


async def test_page_does_not_notify_who_looks_or_does_not_want_it(
    watcher: Watcher, browser: Browser, url: str
) -> None:
    ghost = Ghost(watcher)
    async with visiting(browser, url, permissions=_MAY, prepare=watched) as visitor:
        me = await visitor.uid()
        await visitor.page.evaluate("look(false)")
        ghost.invite(me)
        await visitor.answer("Reject")
        await visitor.page.evaluate("look(true)")
        await choose_to_be_notified(visitor)
        ghost.invite(me)
        await visitor.answer("Reject")
        assert await visitor.page.evaluate("shown.length") == 0


async def test_page_says_why_it_cannot_notify(browser: Browser, url: str) -> None:
    async with visiting(browser, url, prepare=watched) as visitor:
        await visitor.part("open-settings").click()
        await visitor.part("notify").click()
        await expect(visitor.part("notify-help")).to_contain_text("may not show notifications")
        await expect(visitor.part("notify")).not_to_be_checked()
        await visitor.look("notification-denied")


async def test_page_offers_to_notify_after_a_ring_that_nobody_saw(
    watcher: Watcher, browser: Browser, url: str
) -> None:
    """Nobody is asked by the page itself: the button is the gesture. A refusal is said once."""
    ghost = Ghost(watcher)
    async with visiting(browser, url, prepare=let_ask) as visitor:
        assert await visitor.page.evaluate("Notification.permission") == "default"
        me = await visitor.uid()
        await visitor.page.evaluate("look(false)")
        ghost.invite(me)
        await visitor.answer("Reject")
        offer = visitor.words("A call came in while this page was out of sight.")
        await expect(offer).to_be_visible()
        await visitor.look("notification-offered")
        await visitor.button("Notify me").click()
        await expect(visitor.words("may not show notifications")).to_be_visible()
        await expect(offer).to_be_hidden()
        ghost.invite(me)
        await visitor.answer("Reject")
        await expect(offer).to_be_hidden()


_SLOWED_DOWN = """
// as in a tab that nobody has looked at for long, and more so
const interval = globalThis.setInterval;
globalThis.setInterval = (callback, _wait, ...more) => interval(callback, 3_600_000, ...more);
"""
_PING = b"\xc0\x00"


async def test_page_out_of_sight_stays_connected(mosquitto: Mosquitto, browser: Browser) -> None:
    """The keep-alive has a clock of its own: the page's may come once a minute or less."""
    pinged = asyncio.Event()

    async def prepare(context: BrowserContext) -> None:
        await context.add_init_script(_SLOWED_DOWN)
        context.on("page", lambda page: page.on("websocket", listen))

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: pinged.set() if frame == _PING else None)

    async with (
        serving(mosquitto, keepalive=2) as url,
        visiting(browser, url, prepare=prepare),
        asyncio.timeout(PATIENCE),
    ):
        await pinged.wait()
