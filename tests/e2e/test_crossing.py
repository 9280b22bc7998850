"""Calls that cross, over a real broker with real transports: a handful; 500 are a bench."""

from __future__ import annotations

import pytest

from agent.core.call.decision import Action, Decision
from tests.bench.crossed import cross, side
from tests.conftest import Mosquitto
from tests.fakes.screening import FakeScreening

pytestmark = [pytest.mark.broker, pytest.mark.media]


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.03])
async def test_crossing_programs_are_in_one_conversation(
    mosquitto: Mosquitto, pause: float
) -> None:
    async with side(mosquitto, "one") as one, side(mosquitto, "other") as other:
        await cross(one, other, pause)


async def test_crossing_device_takes_a_caller_that_cannot_answer(mosquitto: Mosquitto) -> None:
    screening = FakeScreening(lambda _: Decision(Action.RING))
    async with (
        side(mosquitto, "door", screening) as door,
        side(mosquitto, "desk", deaf=True) as desk,
    ):
        await cross(door, desk, 0.01, deaf=True)
