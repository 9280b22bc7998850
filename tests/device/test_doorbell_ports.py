"""What a doorbell does without the parts that serve it."""

from __future__ import annotations

import asyncio

from agent.device.doorbell_ports import ComingPicture, DoorbellPorts
from tests.waiting import PATIENCE


def test_ports_that_nobody_serves_do_nothing() -> None:
    ports = DoorbellPorts()
    assert ports.privacy() is False
    assert ports.nobody_home is None


async def test_a_picture_that_does_not_come_is_waited_for_as_long_as_it_is_worth() -> None:
    never = ComingPicture(asyncio.get_running_loop().create_future(), patience=0.01)
    async with asyncio.timeout(PATIENCE):
        await never.wait()
    assert not never.user_data.done()
