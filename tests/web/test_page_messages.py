"""What visitors said is played on the page, from the device that serves it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, expect

from agent.device.visits import Visit, Visits
from agent.doorbell.visitor_messages import VisitorMessages
from agent.media.sound.sound_setup import Sound
from agent.media.sound.voice_message import record_message
from tests.conftest import Mosquitto
from tests.device.test_visitors import visitors
from tests.e2e.device import watching
from tests.media.sound.test_voice_message import Feed, packets
from tests.waiting import PATIENCE
from tests.web.page_harness import Ghost, Visitor, serving, visiting

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

PASSWORD = "open sesame, please"
FRAMES = 150  # of 20 ms
TONE = 440  # Hz
SOON = 15  # seconds; the page looks every 20

# `played`: how long it was and its loudest tone, once it has come to its end without a stop.
LISTEN = """sound => {
  const audio = new AudioContext();
  const analyser = new AnalyserNode(audio, { fftSize: 4096, smoothingTimeConstant: 0 });
  audio.createMediaElementSource(sound).connect(analyser);
  const levels = new Float32Array(analyser.frequencyBinCount);
  const loudest = { level: -Infinity, frequency: 0 };
  const look = () => {
    analyser.getFloatFrequencyData(levels);
    for (const [bin, level] of levels.entries()) {
      if (level <= loudest.level) continue;
      loudest.level = level;
      loudest.frequency = (bin * audio.sampleRate) / analyser.fftSize;
    }
    if (!sound.ended) requestAnimationFrame(look);
  };
  look();
  globalThis.played = new Promise((resolve, reject) => {
    sound.addEventListener("ended", () => resolve({ duration: sound.duration, ...loudest }));
    sound.addEventListener("error", () => reject(new Error(sound.error.message)));
    sound.addEventListener("pause", () => sound.ended || reject(new Error("it was stopped")));
  });
  globalThis.played.catch(() => {});
}"""
PLAYS = "() => document.querySelector('#visit-list audio').currentTime > 0.2"
PAGE_LOOKS = "() => document.dispatchEvent(new Event('visibilitychange'))"


@dataclass(frozen=True, slots=True)
class Door:
    url: str
    visits: Visits
    message: Path


@asynccontextmanager
async def door(folder: Path, mosquitto: Mosquitto) -> AsyncIterator[Door]:
    """A device with one visit, whose visitor left a message."""
    now = time.time()
    message = VisitorMessages(folder / "messages").place(now)
    await record_message(
        Feed(packets(FRAMES), ends=True), message, longest=PATIENCE, stop=asyncio.Event()
    )
    made, _ = visitors(folder, Sound())
    visits = made._visits
    visits.add(Visit(id="visit-1", at=now, button="front", missed=True, message=message.stem))
    async with serving(
        mosquitto, password=PASSWORD, documents=made.document, visits=True, device="ghost-1"
    ) as url:
        yield Door(url, visits, message)


async def press_play(visitor: Visitor, sound: Locator) -> None:
    """On the player's own button, which is at its left."""
    await sound.scroll_into_view_if_needed()
    box = await sound.bounding_box()
    assert box is not None
    await sound.click(position={"x": box["height"] / 2, "y": box["height"] / 2})


async def test_message_is_played_to_its_end_whatever_is_said_meanwhile(
    tmp_path: Path, mosquitto: Mosquitto, browser: Browser
) -> None:
    async with (
        door(tmp_path, mosquitto) as at,
        watching(mosquitto) as watcher,
        visiting(browser, at.url, password=PASSWORD) as visitor,
    ):
        section = visitor.part("visits")
        sound = section.locator("audio")
        await sound.evaluate(LISTEN)
        await press_play(visitor, sound)
        await visitor.page.wait_for_function(PLAYS)
        # a device comes, and another visitor
        Ghost(watcher).appear()
        await expect(visitor.part("device-ghost-1")).to_be_visible()
        at.visits.add(Visit(id="visit-2", at=time.time(), button="front", missed=True))
        await visitor.page.evaluate(PAGE_LOOKS)
        await expect(section.get_by_role("listitem")).to_have_count(2)
        heard = await visitor.page.evaluate("() => played")
    assert abs(heard["duration"] - FRAMES * 0.02) < 0.1
    assert abs(heard["frequency"] - TONE) < 20


async def test_message_can_be_played_from_its_middle(
    tmp_path: Path, mosquitto: Mosquitto, browser: Browser
) -> None:
    async with (
        door(tmp_path, mosquitto) as at,
        visiting(browser, at.url, password=PASSWORD) as visitor,
    ):
        sound = visitor.part("visits").locator("audio")
        reached = await sound.evaluate(
            """sound => new Promise((resolve, reject) => {
              sound.addEventListener("loadedmetadata", () => (sound.currentTime = 2));
              sound.addEventListener("seeked", () => resolve(sound.currentTime));
              sound.addEventListener("error", () => reject(new Error(sound.error.message)));
              sound.preload = "metadata";
            })"""
        )
    assert abs(reached - 2) < 0.1


async def test_message_that_was_deleted_elsewhere_is_offered_no_longer(
    tmp_path: Path, mosquitto: Mosquitto, browser: Browser
) -> None:
    async with (
        door(tmp_path, mosquitto) as at,
        visiting(browser, at.url, password=PASSWORD) as visitor,
    ):
        section = visitor.part("visits")
        sound = section.locator("audio")
        await expect(sound).to_be_visible()
        at.message.unlink()
        # at once, and not when it would have looked anyway
        async with visitor.page.expect_request("**/visits.json", timeout=SOON * 1000):
            await press_play(visitor, sound)
        await expect(sound).to_have_count(0)
        await expect(section.get_by_role("listitem")).to_have_count(1)
        # the browser tells the console of what is not there
        visitor.faults.clear()
