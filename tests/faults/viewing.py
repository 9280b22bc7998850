"""What a viewer in Chromium sees of a call, as a series in time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import agent.web
from tests.e2e.browser import BrowserCaller

# Every picture as it is shown, and the statistics of the stream ten times a second. Milliseconds
# since the epoch.
WATCH = """() => {
  window.shown = [];
  window.polled = [];
  const screen = document.getElementById("screen");
  const onFrame = () => {
    window.shown.push([Date.now(), caller.ages.at(-1) ?? NaN]);
    screen.requestVideoFrameCallback(onFrame);
  };
  screen.requestVideoFrameCallback(onFrame);
  setInterval(async () => {
    if (!caller.pc) return;
    const { video, audio } = await caller.statistics("inbound-rtp");
    if (video) window.polled.push({ ...video, audio, at: Date.now() });
  }, 100);
}"""

# What `lipSync: false` does in conversation.js, by its own function.
APART = """() => {
  const receive = caller.receive.bind(caller);
  caller.receive = (message) => receive(message.sdp ? { ...message, sdp: takeApart(message.sdp) } : message);
}"""
CONVERSATION = Path(agent.web.__file__).parent / "conversation.js"


@dataclass(frozen=True, slots=True)
class Picture:
    # seconds since the epoch, when it was about to be shown
    at: float
    # seconds since its capture; None where its strip could not be read
    age: float | None


class Viewing:
    """A call from the viewer's side. Times are seconds since the epoch."""

    def __init__(self, caller: BrowserCaller) -> None:
        self._caller = caller

    async def begin(self, *, lip_sync: bool = True, **options: Any) -> None:
        """Call, and wait for the first picture. Without `lip_sync` pictures do not wait for the
        sound.
        """
        await self._caller.page.evaluate(WATCH)
        if not lip_sync:
            module = f"{CONVERSATION.read_text()}\nwindow.takeApart = takeApart;"
            await self._caller.page.add_script_tag(content=module, type="module")
            await self._caller.page.wait_for_function("() => window.takeApart !== undefined")
            await self._caller.page.evaluate(APART)
        await self._caller.invite(**options)
        await self._caller.until("caller.seen.frames > 0")

    async def pictures(self, start: float, end: float) -> list[Picture]:
        """Those shown between two times."""
        shown = await self._caller.page.evaluate(
            f"shown.filter(([at]) => at >= {start * 1e3} && at < {end * 1e3})"
        )
        return [
            Picture(at / 1e3, None if age is None or age != age else age / 1e3) for at, age in shown
        ]

    async def statistics(self, start: float, end: float) -> list[dict[str, Any]]:
        """W3C `inbound-rtp` of the video, ten times a second, each with its time `at`."""
        polled: list[dict[str, Any]] = await self._caller.page.evaluate(
            f"polled.filter(({{at}}) => at >= {start * 1e3} && at < {end * 1e3})"
        )
        return [{**poll, "at": poll["at"] / 1e3} for poll in polled]

    async def first_picture(self) -> float:
        """Seconds from the invitation to the first picture on the screen."""
        seen = await self._caller.seen()
        return float(seen["firstFrame"]) / 1e3 - self._caller.times["invite"]

    async def next_picture(self) -> float:
        """Seconds from now to the next picture on the screen."""
        start = time.time()
        count = (await self._caller.seen())["frames"]
        await self._caller.until(f"caller.seen.frames > {count}")
        return time.time() - start

    async def decoded(self) -> int:
        """Pictures decoded since the start."""
        return int(await self._caller.page.evaluate("polled.at(-1)?.framesDecoded ?? 0"))

    async def framerate(self, start: float, end: float) -> float:
        """Pictures decoded a second."""
        polls = await self.statistics(start, end)
        first, last = polls[0], polls[-1]
        return float((last["framesDecoded"] - first["framesDecoded"]) / (last["at"] - first["at"]))

    async def longest_freeze(self, start: float, end: float) -> float:
        """Seconds between two pictures, at most."""
        times = [start, *(picture.at for picture in await self.pictures(start, end)), end]
        return max(later - earlier for earlier, later in pairwise(times))

    async def latencies(self, start: float, end: float) -> list[float]:
        return [
            picture.age for picture in await self.pictures(start, end) if picture.age is not None
        ]


async def for_seconds(seconds: float) -> tuple[float, float]:
    """Let time pass for a measurement; returns its start and end."""
    start = time.time()
    await asyncio.sleep(seconds)
    return start, time.time()
