"""Whatever is killed when: every call has its record, once, and nothing is left that must be
cleaned by hand.
"""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import pytest

from tests.bench.setup_time import stock_offer
from tests.faults.kills import STRIKES, World, next_accepted, strike
from tests.faults.victims import Victims

# at the time of each kill
CALLS = 4

pytestmark = [pytest.mark.broker, pytest.mark.media]


async def test_every_call_has_its_record_whatever_is_killed(tmp_path: Path) -> None:
    chance = random.Random(6)
    async with (
        Victims.alive(tmp_path) as victims,
        World.watching(victims.mosquitto, await stock_offer()) as world,
    ):
        assert await world.until(lambda: world.online)
        for kind in STRIKES:
            async with asyncio.TaskGroup() as group:
                for _ in range(CALLS):
                    group.create_task(world.call(hold=chance.uniform(0.0, 0.2)))
                await asyncio.sleep(chance.uniform(0.0, 0.2))
                await strike(victims, kind, outage=0.0)
            await next_accepted(world)
        books = world.books
        await world.until(lambda: not books.lost)
        assert (books.lost, books.doubled, books.invented) == (set(), set(), set()), (
            victims.log.read_text()
        )
        assert books.accepted <= books.closed.keys()
        assert len(books.closed) >= len(STRIKES) * CALLS
        await victims.end_device(signal.SIGTERM)
        assert victims.left_over() == []
        assert "Traceback" not in victims.log.read_text()
