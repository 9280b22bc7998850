"""The page in Debian's Chromium, served as it is on a device, and remote peers to talk to."""

from __future__ import annotations

import asyncio
import math
import re
import time
import uuid
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    expect,
)

from agent.client.call_client import CallClient
from agent.client.conversation import Conversation
from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.audio_source import ToneSource
from agent.ports import AccessUnit, DecodedAudio, LocalStream
from agent.signaling.channel import SignalingChannel
from agent.signaling.mqtt.connection import MqttBroker
from agent.signaling.mqtt.mqtt_options import MqttOptions
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.messages import format_time
from agent.signaling.protocol.topics import Topics
from agent.web.bridge import BrokerAddress
from agent.web.page_files import page_folder
from agent.web.server import Documents, PageServer, Press
from agent.web.web_options import WebOptions
from agent.webrtc.peer import make_peer
from tests.conftest import Mosquitto
from tests.e2e.device import PREFIX, UID, Watcher
from tests.free_ports import free_port
from tests.parts import missing
from tests.waiting import PATIENCE

SCREENS = Path(__file__).parent.parent / "output" / "screens"
PROBE = Path(__file__).parent / "probe.js"
HOST = "127.0.0.1"
WIDE, NARROW = (1280, 800), (360, 780)
GUARD = (
    # milliseconds: an incoming call takes no answer in its first half second, which was meant for
    # something else
    550
)

expect.set_options(timeout=PATIENCE * 1000)


@asynccontextmanager
async def serving(
    mosquitto: Mosquitto,
    *,
    port: int | None = None,
    password: str | None = None,
    needs_login: bool = False,
    documents: Documents = lambda _path: None,
    press: Press | None = None,
    **configuration: Any,
) -> AsyncIterator[str]:
    """The page's address, as `[web] enabled` and the demo serve it."""
    if not (page_folder() / "vendor" / "mqtt.min.js").exists():
        missing("the page's MQTT client is not there (make page)")
    options = WebOptions(HOST, port or free_port(), password=password)
    async with PageServer(
        options,
        BrokerAddress(HOST, mosquitto.port, needs_login=needs_login),
        lambda: {"prefix": PREFIX, "iceServers": [], **configuration},
        documents=documents,
        press=press,
    ):
        yield options.url


class Visitor:
    """One person's browser with the page open in it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self._origin = urlsplit(origin).netloc
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._on_request)
        page.on("response", self._on_response)
        page.on(
            "requestfailed",
            lambda request: self.faults.append(f"failed: {request.url} {request.failure}"),
        )

    def part(self, name: str) -> Locator:
        """An element by its test id."""
        return self.page.get_by_test_id(name)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """By its accessible name, as a screen reader says it."""
        return self.page.get_by_role("button", name=name)

    def words(self, text: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_text(text).locator("visible=true").first

    async def uid(self) -> str:
        uid: str = await self.page.evaluate("() => callbox.uid")
        return uid

    async def call(self, uid: str = UID) -> None:
        """Press Call, and see a live picture."""
        await self.button(f"Call {uid}").click()
        await self.live()

    async def live(self) -> None:
        await expect(self.part("call-state")).to_have_attribute("data-state", "connected")
        await self.frames(5)

    async def frames(self, count: int) -> dict[str, int]:
        """Wait for so many more pictures of the remote peer. Returns the size of the last one."""
        size: dict[str, int] = await self.page.evaluate("count => probe.frames(count)", count)
        return size

    async def tone(self) -> dict[str, float]:
        """Wait until the remote peer is heard. `peak` (full scale is 1) and the loudest `frequency`
        in Hz.
        """
        tone: dict[str, float] = await self.page.evaluate("() => probe.tone()")
        return tone

    async def hang_up(self) -> None:
        await self.button("Hang up").click()

    async def answer(self, name: str | re.Pattern[str]) -> None:
        """Press Accept or Reject, once the dialog takes what is pressed."""
        await self.settled()
        await self.part("incoming").get_by_role("button", name=name).click()

    async def settled(self) -> None:
        """The dialog of an incoming call is open, and takes what is pressed."""
        await expect(self.part("incoming")).to_be_visible()
        await self.page.wait_for_timeout(GUARD)

    async def expect_end(
        self, sentence: str | re.Pattern[str], *, patience: float = PATIENCE
    ) -> None:
        """The call is over within `patience` seconds, and this says how."""
        summary = self.part("summary-sentence")
        await expect(summary).to_have_text(sentence, timeout=patience * 1000)
        await expect(self.part("summary")).to_be_visible()
        await expect(self.part("hang-up")).to_be_hidden()

    async def look(self, name: str) -> None:
        """Keep a picture of the window, and find nothing wrong with it."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENS / f"{name}.png", animations="disabled")
        faults = await self.page.evaluate("() => probe.faults()")
        assert not faults, f"{name}: {faults}"

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.faults.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self._origin:
            self.faults.append(f"asks somebody else: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = WIDE,
    language: str = "en-US",
    scheme: str = "light",
    permissions: tuple[str, ...] = ("microphone",),
    state: str = "connected",
    password: str | None = None,
    prepare: Callable[[BrowserContext], Any] | None = None,
) -> AsyncIterator[Visitor]:
    """The page, open and in this `state`, in a browser of its own. Nothing may have gone wrong in
    it by the end.
    """
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale=language,
        color_scheme="dark" if scheme == "dark" else "light",
        permissions=list(permissions),
        http_credentials={"username": "me", "password": password} if password else None,
    )
    context.set_default_timeout(PATIENCE * 1000)
    try:
        await context.add_init_script(path=PROBE)
        if prepare is not None:
            await prepare(context)
        visitor = Visitor(await context.new_page(), url)
        await visitor.page.goto(url)
        await expect(visitor.part("connection")).to_have_attribute("data-state", state)
        try:
            yield visitor
        except BaseException as error:
            error.add_note(f"the page: {visitor.faults}")
            raise
    finally:
        await context.close()
    assert not visitor.faults, visitor.faults


# -- the remote peers ------------------------------------------------------------------------------


class Ear:
    """A `RemoteSink` that measures how loud it is: the root mean square of each 20 ms, full scale
    being 1.
    """

    def __init__(self) -> None:
        self.levels: list[float] = []
        self._heard = asyncio.Event()

    def on_audio(self, audio: DecodedAudio) -> None:
        samples = array("h", audio.samples)
        self.levels.append(math.sqrt(sum(each * each for each in samples) / len(samples)) / 32768)
        self._heard.set()

    def on_video(self, unit: AccessUnit) -> None:
        """Only listens."""

    async def until(self, matches: Callable[[list[float]], bool]) -> None:
        """Wait until the levels from now on match."""
        start = len(self.levels)
        async with asyncio.timeout(PATIENCE):
            while not matches(self.levels[start:]):
                self._heard.clear()
                await self._heard.wait()


@dataclass(slots=True)
class Listener:
    """A party that takes every call with sound alone, sends a tone, and measures what it hears."""

    uid: str
    ear: Ear
    client: CallClient
    conversations: list[Conversation]


@asynccontextmanager
async def listening(mosquitto: Mosquitto, uid: str = "ear-1") -> AsyncIterator[Listener]:
    options = MqttOptions(port=mosquitto.port, client_id=f"{uid}-{uuid.uuid4()}", session_expiry=0)
    hub = AudioHub(ToneSource())
    broker = MqttBroker(options)
    signaling = SignalingChannel(broker, uid=uid, prefix=PREFIX, party=str(uuid.uuid4()))
    client = CallClient(signaling, make_peer)
    listener = Listener(uid, Ear(), client, [])

    async def answer(conversation: Conversation) -> None:
        listener.conversations.append(conversation)
        conversation.remote_stream.attach(listener.ear)
        await conversation.accept(LocalStream(audio=hub))

    client.on("called", answer)
    try:
        async with broker, client:
            await broker.wait_connected(PATIENCE)
            status = wire.Status(state="online", since=format_time(time.time()), version="0")
            broker.publish(Topics(PREFIX).status(uid), wire.encode(status), retain=True)
            yield listener
    finally:
        await hub.close()


class Ghost:
    """A device of which only the messages exist: it says what a test lets it say."""

    def __init__(self, watcher: Watcher, uid: str = "ghost-1") -> None:
        self.uid = uid
        self._watcher = watcher
        self._party = str(uuid.uuid4())

    def appear(self, state: str = "online", **more: Any) -> None:
        self._watcher.publish(
            f"{self.uid}/status", {"state": state, "busy": False, **more}, retain=True
        )

    async def invited(self, by: str, *, after: int = 0) -> dict[str, Any]:
        """The next invitation of `by`."""
        invitation: dict[str, Any] = await self._watcher.wait(
            f"{self.uid}/signal/{by}", lambda body: body["type"] == "invite", after=after
        )
        return invitation

    async def told(self, by: str, kind: str) -> dict[str, Any]:
        message: dict[str, Any] = await self._watcher.wait(
            f"{self.uid}/signal/{by}", lambda body: body["type"] == kind
        )
        return message

    def say(self, to: str, conversation: str, kind: str, **more: Any) -> None:
        body = {"type": kind, "conversation": conversation, "party": self._party, **more}
        self._watcher.publish(f"{to}/signal/{self.uid}", body)

    def invite(self, to: str, **more: Any) -> str:
        """Call a page. Returns the conversation's id."""
        conversation = str(uuid.uuid4())
        sent_at = format_time(time.time())
        self.say(to, conversation, "invite", sdp=_OFFER, sentAt=sent_at, lifetime=30, **more)
        return conversation


_OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"  # nobody accepts it
