"""A path that loses every packet over 1280 bytes and says nothing of it: a VPN, some LTE."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Watcher
from tests.faults.scene import scene

pytestmark = [
    pytest.mark.broker,
    pytest.mark.browser,
    pytest.mark.media,
    pytest.mark.netns,
]


async def test_network_that_loses_large_packets_carries_every_picture(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, large_keyframes: Path
) -> None:
    """Key frames of a hundred packets: none of them is larger than the path."""
    video = f'source = "file:{large_keyframes}"\nframerate = 30\n'
    async with scene(tmp_path, mosquitto, watcher, video=video, largest=1280) as at:
        viewing = await at.call(measure=False)
        share = await at.share_decoded(viewing, 60)
        uplink, _ = await at.link.passages()
    assert share > 0.5
    assert uplink.packets > 300
    assert uplink.lost == 0
