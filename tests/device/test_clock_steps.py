"""A clock that is set is noticed, and one that is slewed is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agent.device.clock_steps import STEP, watching_clock_steps
from tests.waiting import PATIENCE


class Clock:
    """`wall` is as far from `monotonic` as it is told to be, look by look; then `looked`."""

    def __init__(self, *apart: float) -> None:
        self._apart = list(apart)
        self.looked = asyncio.Event()

    def wall(self) -> float:
        if len(self._apart) == 1:
            self.looked.set()
            return self._apart[0]
        return self._apart.pop(0)


@pytest.mark.parametrize(
    ("apart", "steps"),
    [
        ((0.0, 3600.0, 3600.0, 3600.0), 1),
        ((0.0, -3600.0, 0.0, 0.0), 2),
        ((0.0, STEP, 2 * STEP, 3 * STEP, 3 * STEP), 0),
    ],
    ids=["set forward", "set back and right again", "slewed"],
)
async def test_clock_steps_are_told(apart: tuple[float, ...], steps: int) -> None:
    told: list[None] = []
    on_step: Callable[[], None] = lambda: told.append(None)  # noqa: E731
    clock = Clock(*apart)
    async with (
        watching_clock_steps(on_step, clock.wall, lambda: 0.0, interval=0.0),
        asyncio.timeout(PATIENCE),
    ):
        await clock.looked.wait()
    assert len(told) == steps
