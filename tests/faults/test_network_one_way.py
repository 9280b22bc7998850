"""A path that is dead in one direction alone."""

from __future__ import annotations

import time
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


async def test_network_that_loses_what_the_device_sends_is_renewed_by_it(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """What the caller sends arrives all the while. The device offers a fresh transport, and the
    picture is back with the path.
    """
    async with scene(tmp_path, mosquitto, watcher) as at:
        viewing = await at.call(measure=False)
        await at.link.change(uplink=False)
        start = time.monotonic()
        offer = await at.caller.wait("offer")
        elapsed = time.monotonic() - start
        _, before = await at.link.passages()
        await at.link.change(uplink=True)
        await viewing.next_picture()
        _, after = await at.link.passages()
        await at.caller.hang_up()
    assert offer["generation"] == 1
    assert after.packets > before.packets
    # three seconds on a machine with nothing else to do; without a look at answers it takes thirty
    assert elapsed < 25
