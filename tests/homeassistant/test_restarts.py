"""Restarts of everybody: the same entities, right states, none twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.homeassistant.conftest import Lasting
from tests.homeassistant.household import CODE, household
from tests.homeassistant.restarts import WHO, Restarts

pytestmark = [pytest.mark.homeassistant, pytest.mark.broker, pytest.mark.media]


async def test_restarts_leave_the_same_entities_in_their_states(
    tmp_path: Path, lasting: Lasting
) -> None:
    async with household(tmp_path, lasting.home, lasting.broker) as house:
        restarts = Restarts(house, frozenset(house.shown()))
        for who in WHO:
            await restarts.restart(who, kill=True)
        assert restarts.faults == []
        # it is not only shown
        lock = "lock.front_door_lock"
        await house.call("lock", "unlock", entity_id=lock, code=CODE)
        await house.link.state(lock, "unlocked")
        await house.link.state(lock, "locked")
