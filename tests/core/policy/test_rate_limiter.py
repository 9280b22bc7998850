"""How often someone may call (PROTOCOL 8), and that a flood costs neither memory nor the next
caller.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from agent.core.call.decision import RateOutcome
from agent.core.policy.known_callers import KnownCallers
from agent.core.policy.rate_limiter import CallHistory, RateLimiter

ADMIT, REFUSE, DROP = RateOutcome.ADMIT, RateOutcome.REFUSE, RateOutcome.DROP


def test_rate_limiter_ten_are_admitted_thirty_refused_and_the_rest_dropped() -> None:
    limiter = RateLimiter()
    outcomes = [limiter.judge("a", 0.01 * n) for n in range(100)]
    assert outcomes == [ADMIT] * 10 + [REFUSE] * 30 + [DROP] * 60


def test_rate_limiter_sixty_are_admitted_in_all() -> None:
    limiter = RateLimiter()
    outcomes = Counter(limiter.judge(f"caller-{n}", 0.01 * n) for n in range(1000))
    assert outcomes == {ADMIT: 60, REFUSE: 180, DROP: 760}


def test_rate_limiter_whoever_floods_takes_nothing_from_others() -> None:
    limiter = RateLimiter()
    for n in range(10_000):
        limiter.judge("flooder", n * 0.001)
    assert [limiter.judge("proper", 10.0) for _ in range(10)] == [ADMIT] * 10


def test_rate_limiter_after_a_flood_everyone_is_served_as_soon_as_the_window_has_passed() -> None:
    limiter = RateLimiter()
    for n in range(10_000):
        limiter.judge(f"flooder-{n}", 0.0)
    assert limiter.judge("proper", 59.9) is DROP
    assert limiter.judge("proper", 60.0) is ADMIT


KNOWN = KnownCallers(["friend", "family-*"], ["neighbor"])


def test_rate_limiter_thirty_are_admitted_of_whom_an_accept_rule_names() -> None:
    limiter = RateLimiter(known=lambda: KNOWN)
    outcomes = [limiter.judge("friend", 0.01 * n) for n in range(150)]
    assert outcomes == [ADMIT] * 30 + [REFUSE] * 90 + [DROP] * 30


def test_rate_limiter_ten_are_admitted_of_strangers_and_of_whom_a_ring_rule_names() -> None:
    limiter = RateLimiter(known=lambda: KNOWN)
    for caller in ("stranger", "neighbor"):
        outcomes = Counter(limiter.judge(caller, 0.0) for _ in range(100))
        assert outcomes == {ADMIT: 10, REFUSE: 30, DROP: 60}


def test_rate_limiter_made_up_names_leave_a_reserve_to_whom_the_rules_name() -> None:
    limiter = RateLimiter(known=lambda: KNOWN)
    flood = Counter(limiter.judge(f"made-up-{n}", 0.0) for n in range(10_000))
    assert flood == {ADMIT: 40, REFUSE: 120, DROP: 9840}
    assert [limiter.judge("neighbor", 1.0) for _ in range(10)] == [ADMIT] * 10
    assert [limiter.judge("friend", 1.0) for _ in range(10)] == [ADMIT] * 10
    # sixty in all
    assert limiter.judge("family-anna", 2.0) is REFUSE


def test_rate_limiter_of_rules_that_name_nobody_keeps_no_reserve() -> None:
    limiter = RateLimiter(known=lambda: KnownCallers(["*"]))
    outcomes = Counter(limiter.judge(f"caller-{n}", 0.0) for n in range(1000))
    assert outcomes == {ADMIT: 60, REFUSE: 180, DROP: 760}


def test_rate_limiter_follows_rules_that_are_replaced() -> None:
    known = KNOWN
    limiter = RateLimiter(known=lambda: known)
    for n in range(40):
        limiter.judge(f"made-up-{n}", 0.0)
    assert limiter.judge("somebody", 0.0) is REFUSE
    known = KnownCallers(["somebody"])
    assert limiter.judge("somebody", 0.0) is ADMIT


def test_rate_limiter_window_slides() -> None:
    limiter = RateLimiter(per_caller=2, overall=60, window=60.0)
    assert [limiter.judge("a", now) for now in (0.0, 30.0, 59.0)] == [ADMIT, ADMIT, REFUSE]
    assert [limiter.judge("a", now) for now in (60.0, 61.0, 90.0)] == [ADMIT, REFUSE, ADMIT]


def test_rate_limiter_flood_of_names_costs_no_memory() -> None:
    limiter = RateLimiter()
    for n in range(5000):
        limiter.judge(f"caller-{n}", n * 0.01)
        assert len(limiter) <= 240
        assert len(limiter._callers) <= 240
    limiter.judge("last", 1e6)
    assert len(limiter) == len(limiter._callers) == 1


ARRIVALS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from([0.0, 0.5, 1.0, 3.0, 9.5])),
    max_size=80,
)


@hypothesis.settings(deadline=None)
@given(ARRIVALS, st.integers(1, 3), st.integers(1, 5))
def test_rate_limiter_equals_its_definition(
    arrivals: list[tuple[str, float]], per_caller: int, overall: int
) -> None:
    limiter = RateLimiter(per_caller, overall, window=10.0)
    past: list[tuple[float, str, RateOutcome]] = []
    now = 0.0
    for caller, step in arrivals:
        now += step
        recent = [entry for entry in past if now - entry[0] < 10.0]
        answered = [entry for entry in recent if entry[2] is not DROP]
        admitted = [entry for entry in recent if entry[2] is ADMIT]
        if (
            len(answered) >= 4 * overall
            or sum(entry[1] == caller for entry in answered) >= 4 * per_caller
        ):
            expected = DROP
        elif (
            len(admitted) >= overall or sum(entry[1] == caller for entry in admitted) >= per_caller
        ):
            expected = REFUSE
        else:
            expected = ADMIT
        assert limiter.judge(caller, now) is expected
        past.append((now, caller, expected))


# --- the memory behind a rule's rate --------------------------------------------------------------

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_call_history_counts_one_caller_of_one_rule_within_the_window() -> None:
    history = CallHistory()
    for minute in (0, 30, 59):
        history.record("day", "a", NOON + timedelta(minutes=minute))
    history.record("night", "a", NOON)
    history.record("day", "b", NOON)
    history.record(None, "a", NOON)
    assert history.count("day", "a", at=NOON + timedelta(minutes=59), window=3600) == 3
    assert history.count("day", "a", at=NOON + timedelta(minutes=60), window=3600) == 2
    assert history.count("day", "c", at=NOON, window=3600) == 0
    assert len(history) == 3


def test_rate_limiter_clock_that_was_set_back_blocks_nobody() -> None:
    history = CallHistory()
    history.record("day", "a", NOON + timedelta(days=400))
    assert history.count("day", "a", at=NOON, window=3600) == 0


def test_call_history_forgets_whoever_has_not_called_for_the_longest_time() -> None:
    history = CallHistory(callers=2)
    for caller in ("a", "b", "a", "c"):
        history.record("day", caller, NOON)
    assert [history.count("day", caller, at=NOON, window=60) for caller in "abc"] == [2, 0, 1]


def test_call_history_is_bounded() -> None:
    history = CallHistory(callers=10, calls=5)
    for n in range(1000):
        history.record("day", f"caller-{n}", NOON)
        history.record("day", "often", NOON)
    assert len(history) == 10
    assert history.count("day", "often", at=NOON, window=60) == 5
