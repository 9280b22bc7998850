"""Sound through the whole path with a browser: what each side says arrives at the other."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.e2e.browser import BrowserCaller, calling, chromium
from tests.e2e.device import Watcher, device
from tests.media.chirps import EVERY, find_chirps, thin, write_chirps
from tests.media.tones import read_wav
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

# chunks of 100 ms each: the first that are looked at, and then the next ones
FIRST, MORE = 40, 10
# seconds by which two chirps may be farther apart, or nearer, than they were said
OFF = 0.03


def are_heard(chirps: list[float]) -> bool:
    """At least three of them in a row, as far apart as they were said."""
    gaps = [after - before for before, after in pairwise(chirps)]
    return sum(abs(gap - EVERY) < OFF for gap in gaps) >= 3


async def listen(caller: BrowserCaller, played: Path) -> tuple[list[float], list[float]]:
    """What the browser and the device have heard, once it is enough: a machine that is short of
    time drops some of it for a while.
    """
    chunks, came, said = FIRST, list[float](), list[float]()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while True:
                await caller.until(f"caller.heard.came.length > {chunks}")
                heard = await caller.page.evaluate("caller.heard.came")
                came = [value for each in heard for value in each["values"]]
                said = thin(read_wav(played))
                if are_heard(find_chirps(came)) and are_heard(find_chirps(said, rising=False)):
                    break
                chunks = len(heard) + MORE
    return came, said


async def test_chirp_of_each_side_is_heard_at_the_other(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs, played = (tmp_path / name for name in ("ours.wav", "theirs.wav", "played.wav"))
    write_chirps(ours, rising=True)
    write_chirps(theirs, rising=False)
    monkeypatch.setenv("CALLBOX_AUDIO__CAPTURE", f"file:{ours}")
    monkeypatch.setenv("CALLBOX_AUDIO__PLAYBACK", f"file:{played}")
    monkeypatch.setenv("CALLBOX_AUDIO__MODE", "duplex")
    async with (
        device(tmp_path, mosquitto, watcher),
        chromium(f"--use-file-for-fake-audio-capture={theirs}") as browser,
        calling(browser, mosquitto) as caller,
    ):
        await caller.invite(ears=True, measure=False)
        came, said = await listen(caller, played)
        await caller.hang_up()
        await watcher.wait("door-1/events/closed")
    assert are_heard(find_chirps(came)), find_chirps(came)
    assert not find_chirps(came, rising=False)
    assert are_heard(find_chirps(said, rising=False)), find_chirps(said, rising=False)
    assert not find_chirps(said)
