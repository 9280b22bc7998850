"""Chromium as the remote peer of a call: a page of its own, its signaling carried here."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from agent.signaling.broker import Broker, MessageStream
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol.messages import format_time
from tests.conftest import Mosquitto
from tests.e2e.device import PREFIX, UID
from tests.parts import require_part
from tests.waiting import PATIENCE

FOLDER = Path(__file__).parent
# a secure context; nothing listens there, the files are put in its place
ORIGIN = "http://localhost"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    # Where there is no interface but loopback, both sides use that.
    "--allow-loopback-in-peer-connection",
]
HIDE_ADDRESSES = "--enable-features=WebRtcHideLocalIpsWithMdns"


class BrowserCaller:
    """One uid in a page: what it sends goes to the broker, what the broker has for it goes to the
    page.
    """

    def __init__(self, page: Page, broker: Broker, uid: str, to: str) -> None:
        self.page = page
        self.uid = uid
        self.received: list[dict[str, Any]] = []
        # seconds since the epoch of `invite` and of each kind of message received
        self.times: dict[str, float] = {}
        self._broker = broker
        self._topic = f"{PREFIX}/{to}/signal/{uid}"
        self._head: dict[str, Any] = {}
        # until the invitation is out
        self._waiting: list[dict[str, Any]] | None = []
        self._arrived = asyncio.Condition()
        self._silent = False

    async def invite(self, **options: Any) -> str:
        """Call, with the page's options. Returns the id of the conversation."""
        return await self.invite_with(
            await self.page.evaluate("options => caller.offer(options)", options)
        )

    async def invite_with(self, sdp: str) -> str:
        """Call with this offer."""
        self._head = {"conversation": str(uuid.uuid4()), "party": str(uuid.uuid4())}
        self.times["invite"] = time.time()
        self._publish(
            {"type": "invite", "sdp": sdp, "sentAt": format_time(time.time()), "lifetime": 30}
        )
        waiting, self._waiting = self._waiting or [], None
        for message in waiting:
            self._publish(message)
        return str(self._head["conversation"])

    async def take_call(self) -> None:
        """Accept the invitation that comes, or has come."""
        invitation = await self.wait("invite")
        self._head = {"conversation": invitation["conversation"], "party": str(uuid.uuid4())}
        self._waiting = None
        await self.page.evaluate("invitation => caller.accept(invitation)", invitation)

    def signal(self, message: dict[str, Any]) -> None:
        """What the page has to say."""
        if self._silent:
            return
        if self._waiting is None:
            self._publish(message)
        else:
            self._waiting.append(message)

    async def run(self, stream: MessageStream) -> None:
        while True:
            incoming = await stream.receive()
            message = json.loads(incoming.payload)
            self.times.setdefault(message["type"], time.time())
            incoming.ack()
            await self.page.evaluate("message => caller.receive(message)", message)
            async with self._arrived:
                self.received.append(message)
                self._arrived.notify_all()

    async def wait(self, kind: str) -> dict[str, Any]:
        """The first message of this type."""

        def found() -> list[dict[str, Any]]:
            return [message for message in self.received if message["type"] == kind]

        async with asyncio.timeout(PATIENCE), self._arrived:
            await self._arrived.wait_for(lambda: bool(found()))
        return found()[0]

    async def until(self, condition: str) -> None:
        """Wait for an expression of JavaScript to become true in the page."""
        await self.page.wait_for_function(condition, timeout=PATIENCE * 1000)

    async def seen(self) -> dict[str, Any]:
        """What the page has seen of the call so far."""
        seen: dict[str, Any] = await self.page.evaluate("caller.seen")
        return seen

    async def ages(self) -> list[float]:
        """Milliseconds from capture to the screen of every picture whose strip could be read."""
        ages: list[float] = await self.page.evaluate(
            "caller.ages.filter((age) => !Number.isNaN(age))"
        )
        return ages

    async def statistics(self, kind: str) -> dict[str, dict[str, Any]]:
        """W3C statistics of one type, such as `inbound-rtp`, by `audio` and `video`."""
        found: dict[str, dict[str, Any]] = await self.page.evaluate(
            "kind => caller.statistics(kind)", kind
        )
        return found

    @property
    def online(self) -> bool:
        """Whether what carries its signaling is connected to the broker."""
        return self._broker.connected

    def fall_silent(self) -> None:
        """Nothing that the page has to say gets out any more."""
        self._silent = True

    async def hang_up(self) -> None:
        await self.page.evaluate("caller.hangUp()")

    def _publish(self, message: dict[str, Any]) -> None:
        self._broker.publish(self._topic, json.dumps({**self._head, **message}).encode())


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window."""
    executable = require_part("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=[*FLAGS, *flags], timeout=2 * PATIENCE * 1000
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def calling(
    browser: Browser,
    mosquitto: Mosquitto,
    *,
    uid: str = "browser",
    to: str = UID,
    microphone: bool = True,
) -> AsyncIterator[BrowserCaller]:
    """A fresh page that can call `to`. Without permission for a microphone Chromium hides its
    addresses.
    """
    context = await browser.new_context(permissions=["microphone"] if microphone else [])
    context.set_default_timeout(PATIENCE * 1000)
    options = MqttOptions(port=mosquitto.port, client_id=f"{uid}-{uuid.uuid4()}", session_expiry=0)
    broker = MqttBroker(options)
    stream = broker.subscribe(f"{PREFIX}/{uid}/signal/+")
    async with broker:
        await broker.wait_connected(PATIENCE)
        page, faults = await open_page(context)
        caller = BrowserCaller(page, broker, uid, to)
        await page.expose_function("signal", caller.signal)
        await page.goto(f"{ORIGIN}/caller.html")
        task = asyncio.create_task(caller.run(stream))
        try:
            yield caller
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await context.close()
    assert not faults, faults


async def open_page(context: BrowserContext) -> tuple[Page, list[str]]:
    """An empty page, and every error that its scripts will raise."""
    await context.route(f"{ORIGIN}/**", _serve)
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    return page, faults


async def _serve(route: Route) -> None:
    path = FOLDER / route.request.url.removeprefix(f"{ORIGIN}/")
    if path.suffix in (".html", ".js") and path.is_file():
        await route.fulfill(path=path)
    else:
        await route.fulfill(status=404)
