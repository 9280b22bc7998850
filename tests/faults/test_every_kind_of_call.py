"""Every kind of call once, and the device is as it was: the shortest soak there is. Hostile ones as
well, while the device's own servers are dead.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.hostile import HOSTILE_KINDS
from tests.bench.hostile_calls import dead_servers
from tests.bench.mix import KINDS, cancelled, hung_up, placed_by_the_device
from tests.bench.soak import soaking
from tests.conftest import Mosquitto
from tests.e2e.device import Watcher

pytestmark = [pytest.mark.broker, pytest.mark.media]


async def test_no_kind_of_call_leaves_anything_behind(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with soaking(tmp_path, mosquitto, watcher) as soak:
        # what a process makes once, it has made by now
        await soak.make([hung_up, placed_by_the_device, cancelled])
        before = await soak.rest()
        soak.samples.append(before)
        await soak.make(list(KINDS))
        after = await soak.rest()
    assert not soak.faults
    assert not after.holds_more_than(before), (before, after)
    assert after.temporary_files == 0
    assert soak.rows() == 0
    assert "Traceback" not in soak.program.log()


@pytest.mark.further_case
async def test_no_kind_of_hostile_call_leaves_anything_behind(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    with dead_servers() as ice:
        async with soaking(tmp_path, mosquitto, watcher, at_once=14, extra=ice) as soak:
            await soak.make(list(HOSTILE_KINDS))
            before = await soak.rest()
            soak.samples.append(before)
            await soak.make(list(HOSTILE_KINDS))
            after = await soak.rest()
    assert not soak.faults
    assert not after.holds_more_than(before), (before, after)
    assert soak.rows() == 0
    assert "Traceback" not in soak.program.log()
