"""Whom a press rings."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.core.call.reasons import CallMode, CallStatus
from agent.core.policy.schedule import Days, Hours
from agent.core.ring.ring_plan import RingList, RingPlan, choose_list, without

NIGHT = RingList("night", ("bob",), hours=Hours.parse("22:00-07:00"))
SUNDAY = RingList("sunday", ("carol",), days=Days.parse("sun"))
GATE = RingList("gate", ("porter",))
LISTS = (GATE, NIGHT, SUNDAY)


def chosen(wanted: str, day: int, hour: int, *, clock_is_set: bool = True) -> RingList | None:
    at = datetime(2026, 11, day, hour, tzinfo=UTC)
    return choose_list(LISTS, wanted, at, UTC, clock_is_set=clock_is_set)


def test_first_list_whose_time_it_is_counts() -> None:
    assert chosen("", 28, 23) is NIGHT
    assert chosen("", 29, 12) is SUNDAY
    assert chosen("", 29, 23) is NIGHT


def test_list_without_a_time_is_found_by_its_name_alone() -> None:
    assert chosen("", 28, 12) is None
    assert chosen("gate", 28, 23) is GATE


def test_no_list_counts_by_its_time_while_the_clock_is_not_set() -> None:
    assert chosen("", 28, 23, clock_is_set=False) is None
    assert chosen("night", 28, 12, clock_is_set=False) is NIGHT


def test_plan_lasts_for_each_turn_and_each_round() -> None:
    assert RingPlan(("a", "b"), CallMode.PARALLEL, 20.0, 2).length == 40.0
    assert RingPlan(("a", "b"), CallMode.SEQUENTIAL, 20.0, 2).length == 80.0


def test_next_round_rings_whom_nobody_refused_for() -> None:
    plan = RingPlan(("a", "b", "c"), rounds=2)
    answers = {
        "a": (CallStatus.REJECTED, "declined"),
        "b": (CallStatus.BUSY, "busy"),
        "c": (CallStatus.TIMEOUT, None),
    }
    following = plan.following(answers)
    assert following is not None
    assert (following.targets, following.rounds) == (("b", "c"), 1)
    assert following.following({}) is None


def test_no_round_follows_where_all_refused() -> None:
    plan = RingPlan(("a",), rounds=3)
    assert plan.following({"a": (CallStatus.REJECTED, None)}) is None


def test_nobody_rings_himself_or_twice() -> None:
    assert without(("a", "door-1", "a", "b"), "door-1") == ("a", "b")
