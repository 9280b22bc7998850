"""Sound through the whole path with a browser: what each side says arrives at the other."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.e2e.browser import calling, chromium
from tests.e2e.device import Watcher, device
from tests.media.chirps import EVERY, find_chirps, thin, write_chirps
from tests.media.tones import read_wav

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.media]

# of a chunk of 100 ms each
ENOUGH = "caller.heard.came.length > 40"
# seconds by which two chirps may be farther apart, or nearer, than they were said
OFF = 0.03


def assert_heard(chirps: list[float]) -> None:
    """At least three in a row, as far apart as they were said."""
    gaps = [after - before for before, after in pairwise(chirps)]
    assert sum(abs(gap - EVERY) < OFF for gap in gaps) >= 3, chirps


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
        await caller.until(ENOUGH)
        chunks = await caller.page.evaluate("caller.heard.came")
        await caller.hang_up()
        await watcher.wait("door-1/events/closed")
    heard = [value for each in chunks for value in each["values"]]
    assert_heard(find_chirps(heard, rising=True))
    assert not find_chirps(heard, rising=False)
    said = thin(read_wav(played))
    assert_heard(find_chirps(said, rising=False))
    assert not find_chirps(said, rising=True)
