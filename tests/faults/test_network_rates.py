"""A link that becomes slow, and fast again: what the device sends fits, and the picture goes on.

How quickly is for `python -m tests.bench.network` to measure; a busy machine must not fail what
works.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Watcher
from tests.faults.scene import Scene, scene
from tests.waiting import PATIENCE

pytestmark = [
    pytest.mark.broker,
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.netns,
]

FAST, SLOW = 4e6, 800e3  # bit/s
RETURNS = 150  # seconds


@pytest.mark.timeout(600)
async def test_a_link_cut_and_restored(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with scene(tmp_path, mosquitto, watcher, rate=FAST, delay=0.01) as at:
        viewing = await at.call()
        # the link is worth cutting
        await sends(at, lambda bitrate: bitrate > SLOW)

        await at.link.change(rate=SLOW)
        await sends(at, lambda bitrate: bitrate <= 1.05 * SLOW)
        share = await at.share_decoded(viewing, 40)
        stats = await at.local_stats()

        await at.link.change(rate=FAST)
        restored = await grows(watcher, stats["video"]["targetBitrate"])
    assert share > 0.5
    assert stats["video"]["targetBitrate"] <= SLOW
    assert stats["video"]["qualityLimitationReason"] == "bandwidth"
    assert restored


async def sends(at: Scene, matches: Callable[[float], bool]) -> None:
    """Wait until what the device sends in four seconds is as it should be, bit/s."""
    async with asyncio.timeout(2 * PATIENCE):
        while not matches(statistics.median(await at.sent(4))):
            pass


async def grows(watcher: Watcher, bitrate: int) -> bool:
    """Whether the target becomes half as much again."""
    deadline = time.monotonic() + RETURNS
    while time.monotonic() < deadline:
        stats = await watcher.wait(f"{UID}/events/local_stats", after=len(watcher.messages))
        if stats["video"]["targetBitrate"] > 1.5 * bitrate:
            return True
    return False


async def test_a_key_frame_larger_than_the_queue_of_the_uplink(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, large_keyframes: Path
) -> None:
    """It is spread, so that the link does not lose it; the clip cannot follow a bitrate, and plays
    on.
    """
    video = f'source = "file:{large_keyframes}"\nframerate = 30\n'
    async with scene(tmp_path, mosquitto, watcher, video=video, rate=2e6, queue=75_000) as at:
        viewing = await at.call(measure=False)
        share = await at.share_decoded(viewing, 150)
        stats = await at.local_stats()
        uplink, _ = await at.link.passages()
    assert uplink.packets > 300
    assert uplink.overflowed < 0.1 * uplink.packets
    assert share > 0.5
    assert stats["video"]["framesDropped"] == 0
