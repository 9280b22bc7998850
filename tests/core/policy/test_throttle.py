"""Token buckets for each sender and for all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.core.policy.throttle import MessageRate, Throttle, ThrottleOptions, TokenBucket

RATE = MessageRate(messages=10, size=1000, burst_messages=20, burst_size=5000)
PLENTY = MessageRate(messages=1e6, size=1e9, burst_messages=1e6, burst_size=1e9)


def options(
    sender: MessageRate = RATE, overall: MessageRate = PLENTY, senders: int = 100
) -> ThrottleOptions:
    return ThrottleOptions(sender=sender, overall=overall, senders=senders)


def admitted(throttle: Throttle, sender: str, count: int, size: int, now: float) -> int:
    return sum(throttle.admit(sender, size, now) for _ in range(count))


def test_throttle_lets_a_burst_pass_and_then_the_rate() -> None:
    throttle = Throttle(options())
    assert admitted(throttle, "a", 100, 1, 50.0) == 20
    assert admitted(throttle, "a", 100, 1, 51.0) == 10
    assert admitted(throttle, "a", 100, 1, 500.0) == 20


def test_throttle_counts_bytes() -> None:
    throttle = Throttle(options())
    assert admitted(throttle, "a", 100, 1000, 0.0) == 5
    assert admitted(throttle, "a", 100, 1000, 2.0) == 2
    assert admitted(throttle, "a", 1, 5001, 1000.0) == 0


def test_throttle_of_one_sender_leaves_the_others_alone() -> None:
    overall = MessageRate(messages=1, size=1e6, burst_messages=30, burst_size=1e6)
    throttle = Throttle(options(overall=overall))
    assert admitted(throttle, "flood", 10_000, 10, 0.0) == 20
    assert admitted(throttle, "friend", 5, 10, 0.0) == 5


def test_throttle_of_all_holds_for_many_senders() -> None:
    overall = MessageRate(messages=10, size=1e6, burst_messages=30, burst_size=1e6)
    throttle = Throttle(options(overall=overall))
    assert sum(throttle.admit(str(number), 10, 0.0) for number in range(1000)) == 30


def test_throttle_of_all_leaves_a_reserve_to_those_who_are_known() -> None:
    reserve = MessageRate(messages=5, size=1e6, burst_messages=25, burst_size=1e6)
    few = MessageRate(messages=10, size=1e6, burst_messages=30, burst_size=1e6)
    limits = ThrottleOptions(sender=RATE, overall=few, reserve=reserve)
    throttle = Throttle(limits, is_known={"friend", "other friend"}.__contains__)
    made_up = sum(throttle.admit(str(number), 10, 0.0) for number in range(10_000))
    assert made_up == 30
    # each still has no more than a sender has
    assert admitted(throttle, "friend", 100, 10, 0.0) == 20
    assert admitted(throttle, "other friend", 100, 10, 0.0) == 5
    assert admitted(throttle, "stranger", 100, 10, 0.0) == 0


def test_throttle_reserve_is_touched_only_once_the_rest_is_used_up() -> None:
    throttle = Throttle(options(), is_known=lambda _sender: True)
    assert admitted(throttle, "friend", 20, 10, 0.0) == 20
    assert throttle._reserve._messages == ThrottleOptions().reserve.burst_messages


def test_throttle_forgets_who_was_silent_longest() -> None:
    throttle = Throttle(options(senders=3))
    for number in range(10):
        throttle.admit(str(number), 1, 0.0)
    assert len(throttle) == 3


def test_throttle_takes_a_clock_that_stands_still() -> None:
    bucket = TokenBucket(RATE, 100.0)
    assert bucket.has(1, 100.0)
    assert bucket.has(1, 99.0)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 3000)), max_size=200))
def test_throttle_never_passes_more_than_burst_and_rate(steps: list[tuple[float, int]]) -> None:
    throttle, now, messages, size = Throttle(options()), 0.0, 0, 0
    for pause, each in steps:
        now += pause
        if throttle.admit("a", each, now):
            messages += 1
            size += each
    assert messages <= RATE.burst_messages + RATE.messages * now + 1e-6
    assert size <= RATE.burst_size + RATE.size * now + 1e-6


def test_throttle_tells_the_time_by_the_clock_that_it_is_given() -> None:
    clock = [0.0]
    admits = Throttle(options()).by(lambda: clock[0])
    while admits("a", 10):
        pass
    clock[0] += 3600.0
    assert admits("a", 10)
