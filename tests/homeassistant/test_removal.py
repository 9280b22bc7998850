"""What is no longer offered is gone from a real Home Assistant, also from one that was away."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.homeassistant.conftest import Lasting
from tests.homeassistant.household import ENTITIES, STEADY, complaints, household

pytestmark = [pytest.mark.homeassistant, pytest.mark.broker, pytest.mark.media]
LOCK = "lock.front_door_lock"


async def test_reload_shows_removes_and_shows_again(tmp_path: Path, lasting: Lasting) -> None:
    before = len(lasting.home.complaints())
    async with household(tmp_path, lasting.home, lasting.broker, enabled=False) as house:
        assert house.shown() == {}
        house.reconfigure("enabled = false", "enabled = true")
        await house.settled(STEADY)
        house.reconfigure('"open", ', "")
        await house.link.gone(LOCK)
        assert house.shown().keys() >= ENTITIES.keys() - {LOCK}
        house.reconfigure('"privacy", ', '"open", ')
        await house.link.state(LOCK, "locked")
        await house.link.gone("switch.front_door_privacy")
        house.reconfigure("enabled = true", "enabled = false")
        await house.link.gone(*ENTITIES)
        assert house.shown() == {}
    assert complaints(lasting.home, after=before) == []


async def test_what_was_removed_while_home_assistant_was_away_leaves_no_ghost(
    tmp_path: Path, lasting: Lasting
) -> None:
    before = len(lasting.home.complaints())
    async with household(tmp_path, lasting.home, lasting.broker) as house:
        await house.home_goes()
        house.reconfigure('"open", ', "")
        # it is over a restart of the device that it has to be known
        await house.device.end()
        await house.start_device()
        await house.home_comes()
        await house.link.gone(LOCK)
        await house.settled({each: STEADY[each] for each in STEADY.keys() - {LOCK}})

        await house.home_goes()
        house.reconfigure("enabled = true", "enabled = false")
        await house.device.end()
        await house.start_device()
        await house.home_comes()
        await house.link.gone(*ENTITIES)
        entries = await house.link.command("config/entity_registry/list")
        assert [each for each in entries if each["platform"] == "mqtt"] == []
    assert complaints(lasting.home, after=before) == []
