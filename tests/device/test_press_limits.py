"""Presses beyond the rate: who tells of them, and when."""

from __future__ import annotations

from agent.core.policy.call_rate import CallRate
from agent.core.ring.press_rate import Judgement
from agent.device.press_limits import PressLimits
from tests.fakes.manual_clock import ManualClock
from tests.waiting import until


async def test_presses_beyond_the_rate_are_told_when_their_minute_is_over() -> None:
    told: list[tuple[str, int]] = []
    clock = ManualClock()
    limits = PressLimits(["front"], CallRate(1, 600.0), lambda *each: told.append(each), clock)
    outcomes = []
    for _ in range(4):
        outcomes.append(limits.press("front").judgement)
        clock.now += 19.99999
    assert outcomes == [Judgement.RINGS, *[Judgement.TOO_MANY] * 3]
    assert told == [("front", 1)]
    clock.now += 100
    limits.press("front")
    assert told == [("front", 1), ("front", 3)]
    limits.close()


async def test_presses_beyond_the_rate_are_told_without_a_further_one() -> None:
    told: list[tuple[str, int]] = []
    clock = ManualClock()
    limits = PressLimits(["front"], CallRate(1, 600.0), lambda *each: told.append(each), clock)
    for at in (100.0, 110.0, 169.99):
        clock.now = at
        limits.press("front")
    clock.now = 171.0
    await until(lambda: told == [("front", 1), ("front", 1)])
    limits.close()


async def test_presses_that_were_not_told_are_told_at_the_end() -> None:
    told: list[tuple[str, int]] = []
    clock = ManualClock()
    limits = PressLimits(["front"], CallRate(1, 600.0), lambda *each: told.append(each), clock)
    for _ in range(3):
        limits.press("front")
        clock.now += 10
    limits.close()
    assert told == [("front", 1), ("front", 1)]
