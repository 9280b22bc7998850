"""From mouth to ear: between two devices, and with Chromium on one side or on both."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Page

from agent.media.sound.audio_hub import AudioHub
from agent.media.sound.loudspeaker import CardSpeaker
from agent.media.sound.microphone import Microphone
from agent.media.sound.playout import Playback
from agent.ports import AUDIO_CLOCK_RATE, IceOptions, LocalStream
from tests.bench.figures import Figure, NotMeasured, spread
from tests.bench.scene import Scene
from tests.e2e.browser import ORIGIN, chromium, open_page
from tests.media.chirps import EVERY, RATE, chirp, find_chirps, thin, write_chirps
from tests.webrtc.pairs import Side, closing, connect

# seconds until a call runs evenly
WARM_UP = 3.0
PERIOD = 0.02
PERIOD_BYTES = 2 * int(PERIOD * AUDIO_CLOCK_RATE)
# periods that wait in front of a card's converter, as `AlsaPlayer` has it
WAITING = 2
TWO_DEVICES = 100.0
"""ms"""
BEYOND_CHROMIUM = 25.0
# what a page hears is stamped as it gets the processor: seconds in which it got it at once
_NEAR = 1.0


@dataclass(slots=True)
class Said:
    """When each chirp began, in seconds since the epoch."""

    at: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Heard:
    """Sound without a gap, from its first sample on, which passed at `began`."""

    began: float | None = None
    samples: bytearray = field(default_factory=bytearray)

    def chirps(self, *, rising: bool) -> list[float]:
        began = self.began or 0.0
        return [began + at for at in find_chirps(thin(bytes(self.samples)), rising=rising)]


class ChirpingMicrophone:
    """A card that captures periods of 20 ms; a chirp each half second."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._begun = time.time()
        self._periods = 0
        self._left = b""

    def read(self) -> bytes:
        self._periods += 1
        due = self._begun + self._periods * PERIOD
        time.sleep(max(0.0, due - time.time()))
        if self._periods % round(EVERY / PERIOD) == 0:
            self._said.at.append(due - PERIOD)
            self._left = chirp()
        samples, self._left = self._left[:PERIOD_BYTES], self._left[PERIOD_BYTES:]
        return samples.ljust(PERIOD_BYTES, b"\0")

    def delay(self) -> float:
        return PERIOD

    def close(self) -> None: ...


class ListeningPlayer:
    """A card that plays periods of 20 ms, with two of them waiting."""

    frames = 2

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._begun = time.time()
        self._periods = 0
        heard.began = self._begun + WAITING * PERIOD

    def write(self, frames: bytes) -> None:
        due = self._begun + self._periods * PERIOD
        time.sleep(max(0.0, due - time.time()))
        self._periods += 1
        self._heard.samples += frames

    def delay(self) -> float:
        return WAITING * PERIOD

    def close(self) -> None: ...


@asynccontextmanager
async def device_side(said: Said, heard: Heard) -> AsyncIterator[Side]:
    """A peer of ours with both ends of a card."""
    hub = AudioHub(Microphone(lambda: ChirpingMicrophone(said), lambda _fault: None))
    speaker = CardSpeaker(lambda: ListeningPlayer(heard), lambda _fault: None)
    local = LocalStream(audio=hub, playback=Playback(speaker))
    side = Side(local, ice=IceOptions(host_addresses=("127.0.0.1",)))
    try:
        async with closing(side):
            yield side
    finally:
        await hub.close()
        await speaker.close()


async def measure_mouth_to_ear(scene: Scene) -> list[Figure | NotMeasured]:
    seconds = WARM_UP + scene.count(30, 6)
    between, file = await _two_devices(seconds), scene.folder / "said.wav"
    write_chirps(file, rising=False)
    async with chromium(f"--use-file-for-fake-audio-capture={file}") as browser:
        alone = await _chromium_alone(browser, seconds)
        to_device, from_device = await _with_chromium(browser, seconds)
    known = _median(alone)
    bound = None if known is None else known + BEYOND_CHROMIUM
    return [
        _figure("two devices", between, TWO_DEVICES),
        _figure("Chromium to Chromium", alone, None),
        _figure("Chromium to a device", to_device, bound),
        _figure("a device to Chromium", from_device, bound),
    ]


async def _two_devices(seconds: float) -> list[float]:
    """Capture, encoder, network, jitter buffer, decoder, and the card's own two periods."""
    said, heard = (Said(), Said()), (Heard(), Heard())
    async with device_side(said[0], heard[1]) as one, device_side(said[1], heard[0]) as other:
        await connect(one, other)
        await asyncio.sleep(seconds)
    pairs = zip(said, heard, strict=True)
    return [each for mouth, ear in pairs for each in delays(mouth.at, ear.chirps(rising=True))]


async def _chromium_alone(browser: Browser, seconds: float) -> list[float]:
    async with _page(browser) as one, _page(browser) as other:
        answer = await other.evaluate(_ANSWER, await _offer(one))
        await _apply(one, answer)
        await asyncio.sleep(seconds)
        found = []
        for mouth, ear in ((one, other), (other, one)):
            found += delays(await _chirps(mouth, "said"), await _chirps(ear, "came"))
        return found


async def _with_chromium(browser: Browser, seconds: float) -> tuple[list[float], list[float]]:
    said, heard = Said(), Heard()
    async with _page(browser) as page, device_side(said, heard) as side:
        await _apply(page, await side.peer.create_answer(await _offer(page)))
        side.peer.start_media()
        await asyncio.sleep(seconds)
        spoken = await _chirps(page, "said")
        came = await _chirps(page, "came", rising=True)
    return delays(spoken, heard.chirps(rising=False)), delays(said.at, came)


def delays(said: Sequence[float], heard: Sequence[float]) -> list[float]:
    """Milliseconds from each chirp to its hearing; the first seconds left out."""
    return list(_delays(said, heard))


def _delays(said: Sequence[float], heard: Sequence[float]) -> Iterator[float]:
    for at in heard:
        before = [each for each in said if each < at]
        if before and at - before[-1] < EVERY and at > said[0] + WARM_UP:
            yield 1000 * (at - before[-1])


def _median(found: list[float]) -> float | None:
    return statistics.median(found) if len(found) >= 5 else None


def _figure(name: str, found: list[float], target: float | None) -> Figure | NotMeasured:
    name, median = f"mouth to ear, cards included: {name}", _median(found)
    if median is None:
        return NotMeasured(name, "too little was heard")
    return Figure(name, median, "ms", target, spread(found))


# --- pages


_ANSWER = """async (sdp) => {
  [caller.ears, caller.measure] = [true, false];
  const pc = (caller.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" }));
  pc.ontrack = ({ track }) => caller.listen(track);
  const stream = await caller.microphone();
  await pc.setRemoteDescription({ type: "offer", sdp });
  pc.addTrack(stream.getAudioTracks()[0], stream);
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 10));
  return pc.localDescription.sdp;
}"""


@asynccontextmanager
async def _page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(permissions=["microphone"])
    try:
        page, _ = await open_page(context)
        await page.expose_function("signal", lambda _message: None)
        await page.goto(f"{ORIGIN}/caller.html")
        yield page
    finally:
        await context.close()


async def _offer(page: Page) -> str:
    """With all its candidates."""
    await page.evaluate("caller.offer({ video: false, ears: true, measure: false })")
    await page.wait_for_function("caller.pc.iceGatheringState === 'complete'")
    sdp: str = await page.evaluate("caller.pc.localDescription.sdp")
    return sdp


async def _apply(page: Page, answer: str) -> None:
    await page.evaluate("sdp => caller.pc.setRemoteDescription({ type: 'answer', sdp })", answer)


async def _chirps(page: Page, which: str, *, rising: bool = False) -> list[float]:
    """Seconds since the epoch at which each passed the browser's card: when the page had it, and
    what the browser says that its card takes.
    """
    chunks: list[dict[str, Any]] = await page.evaluate(f"caller.heard.{which}")
    card: float = await page.evaluate(f"caller.cards.{which}()")
    beyond = -card if which == "said" else card
    values, ends = [], list[tuple[float, float]]()
    for each in chunks:
        values += each["values"]
        ends.append((len(values) / RATE, each["at"] / 1000))
    found = []
    for at in find_chirps(values, rising=rising):
        near = [clock - end for end, clock in ends if abs(end - at) < _NEAR]
        found.append(at + min(near) + beyond)
    return found
