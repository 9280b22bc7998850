"""Packets that are lost at random, and a path that is long: the picture goes on, and the bitrate is
not blamed.

How well is for `python -m tests.bench.network` to measure; a busy machine must not fail what works.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Watcher
from tests.faults.scene import scene
from tests.faults.viewing import for_seconds

pytestmark = [
    pytest.mark.broker,
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.netns,
]


@pytest.mark.parametrize("loss", [0.05, 0.10])
async def test_random_loss(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, loss: float
) -> None:
    async with scene(tmp_path, mosquitto, watcher, delay=0.02, loss=loss) as at:
        viewing = await at.call()
        start = time.time()
        share = await at.share_decoded(viewing, 200)
        polls = await viewing.statistics(start, time.time())
        stats = await at.local_stats()
    assert polls[-1]["packetsLost"] > 0
    assert stats["video"]["retransmittedPacketsSent"] > 0
    assert share > 0.5


async def test_a_long_path(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> None:
    async with scene(tmp_path, mosquitto, watcher, delay=0.1) as at:
        viewing = await at.call()
        first = await viewing.first_picture()
        start, end = await for_seconds(5)
        ages = await viewing.latencies(start, end)
        share = await at.share_decoded(viewing, 60)
        stats = await at.local_stats()
    # the invitation, its answer, ICE and DTLS have all crossed it
    assert first > 0.4
    assert min(ages) >= 0.1
    assert share > 0.5
    assert stats["transport"]["currentRoundTripTime"] >= 0.2


async def test_a_link_that_is_gone_for_a_moment(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with scene(tmp_path, mosquitto, watcher, delay=0.02) as at:
        viewing = await at.call()
        await at.link.change(up=False)
        await for_seconds(1.5)
        await at.link.change(up=True)
        await viewing.next_picture()
        share = await at.share_decoded(viewing, 60)
    assert share > 0.5
