"""How far down, and how fast up again."""

from __future__ import annotations

import math

import pytest

from agent.core.rate.aimd import AIMD, AimdController
from agent.core.rate.bitrate_limits import BitrateLimits

LIMITS = BitrateLimits(1_000_000, 200_000, 4_000_000)


def grown(aimd: AimdController, now: float, **how: float | bool) -> float:
    """The growth of one second, as a fraction."""
    before = aimd.estimate
    aimd.increase(
        now,
        1.0,
        how.get("limit", math.inf),
        empty=bool(how.get("empty", False)),
        remb=bool(how.get("remb", True)),
        headroom=how.get("headroom", 1.0),
    )
    return aimd.estimate / before - 1


def test_aimd_decrease_never_raises_and_stops_at_the_minimum() -> None:
    aimd = AimdController(LIMITS)
    aimd.decrease(1.0, 2e6, None)
    assert aimd.estimate == 1e6
    aimd.decrease(2.0, 1.0, 500.0)
    assert (aimd.estimate, aimd.capacity, aimd.decreased_at) == (200_000, 500.0, 2.0)


def test_aimd_decrease_trusts_what_the_remote_peer_measured() -> None:
    aimd = AimdController(LIMITS)
    aimd.decrease(1.0, 300_000, 400_000, arrives=850_000)
    assert aimd.capacity == pytest.approx(1e6)
    assert aimd.estimate == pytest.approx(AIMD.drain_floor * 1e6)


def test_aimd_growth_gets_faster_while_no_capacity_is_known() -> None:
    aimd = AimdController(LIMITS)
    assert grown(aimd, 0.0) == pytest.approx(AIMD.growth)
    assert grown(aimd, AIMD.ramp) == pytest.approx(AIMD.growth_fast)
    aimd.interrupt()
    assert grown(aimd, AIMD.ramp + 1) == pytest.approx(AIMD.growth)


def test_aimd_growth_is_the_drafts_where_arrivals_show_no_queue() -> None:
    assert grown(AimdController(LIMITS), 0.0, empty=True) == pytest.approx(AIMD.growth_seen)


def test_aimd_growth_is_quick_below_the_capacity_and_creeps_near_it() -> None:
    aimd = AimdController(LIMITS)
    aimd.capacity = 2e6
    assert grown(aimd, 0.0) == pytest.approx(AIMD.growth_fast)
    aimd.capacity = 1.2e6
    assert grown(aimd, 100.0) == pytest.approx(AIMD.growth)
    assert grown(aimd, 101.0, remb=False) == pytest.approx(AIMD.blind * AIMD.growth)
    assert grown(aimd, 102.0, headroom=0.0) == 0


def test_aimd_growth_beyond_the_capacity_forgets_it() -> None:
    aimd = AimdController(LIMITS)
    aimd.capacity = 0.8e6
    grown(aimd, 0.0)
    assert aimd.capacity is None


def test_aimd_growth_stops_at_the_limit_and_the_maximum() -> None:
    aimd = AimdController(LIMITS)
    assert grown(aimd, 0.0, limit=1.01e6) == pytest.approx(0.01)
    assert grown(aimd, 1.0, limit=0.5e6) == 0
    for second in range(40):
        grown(aimd, float(second))
    assert aimd.estimate == LIMITS.max_bitrate


def test_aimd_capacity_near_the_known_one_is_averaged() -> None:
    aimd = AimdController(LIMITS)
    assert aimd.capacity_near(1e6) == 1e6
    aimd.capacity = 1e6
    assert aimd.capacity_near(1.1e6) == pytest.approx(1.03e6)
    assert aimd.capacity_near(2e6) == 2e6


def test_aimd_drains_in_proportion_to_what_waits() -> None:
    aimd = AimdController(LIMITS)
    assert aimd.drained(1.0) is None
    aimd.capacity = 900_000.0
    assert aimd.drained(0.3) == pytest.approx(810_000)
    assert aimd.drained(9.0) == pytest.approx(AIMD.drain_floor * 900_000)


def test_aimd_resumes_above_what_silence_left() -> None:
    aimd = AimdController(LIMITS)
    aimd.decrease(1.0, LIMITS.min_bitrate, None)
    aimd.resume(1_500_000, 2_000_000)
    assert (aimd.estimate, aimd.capacity) == (1_500_000, 2_000_000)
    assert aimd.decreased_at == -math.inf
    aimd.resume(2 * LIMITS.max_bitrate, 2_000_000)
    assert aimd.estimate == LIMITS.max_bitrate
