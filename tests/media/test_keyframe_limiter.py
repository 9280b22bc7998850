from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.media.keyframe_limiter import BURST, MIN_INTERVAL, KeyframeDecision, KeyframeLimiter

HOLD = round(MIN_INTERVAL * 1000)


def simulate(requests: list[int]) -> list[int]:
    """Times (ms) at which the encoder is asked, for requests at these times, with a timer as the
    hub runs it.
    """
    limiter = KeyframeLimiter(HOLD)
    sent: list[int] = []
    timer: float | None = None
    for now in sorted(requests):
        if timer is not None and timer <= now:
            sent += [round(timer)] if limiter.due(timer) else []
            timer = None
        decision = limiter.request(now)
        if decision is KeyframeDecision.SEND:
            sent.append(now)
        elif decision is KeyframeDecision.HOLD:
            timer = now + limiter.hold_left(now)
    if timer is not None and limiter.due(timer):
        sent.append(round(timer))
    return sent


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=300))
def test_keyframe_limiter_is_never_too_often_and_forgets_no_request(requests: list[int]) -> None:
    sent = simulate(requests)
    assert sent[0] == min(requests)
    for burst in zip(*(sent[first:] for first in range(BURST + 1)), strict=False):
        assert burst[-1] - burst[0] >= HOLD - 1
    assert all(any(at <= each <= at + HOLD for each in sent) for at in requests)


@given(st.lists(st.integers(0, 8_000), max_size=400), st.integers(0, 4_000))
def test_keyframe_limiter_no_4_seconds_see_more_than_14(requests: list[int], start: int) -> None:
    assert len([at for at in simulate(requests) if start <= at < start + 4_000]) <= 14


def test_keyframe_limiter_storm_of_200_in_4_seconds_makes_at_most_14() -> None:
    assert len([at for at in simulate(list(range(0, 4000, 20))) if at < 4000]) == 14


def test_keyframe_limiter_lets_a_new_viewer_ask_twice() -> None:
    limiter = KeyframeLimiter()
    assert limiter.request(0.0) is KeyframeDecision.SEND
    assert not limiter.overdue(0.05)
    assert limiter.request(0.05) is KeyframeDecision.SEND
    assert limiter.request(0.1) is KeyframeDecision.HOLD
    assert limiter.overdue(0.05 + MIN_INTERVAL)


def test_keyframe_limiter_key_frame_serves_the_request_that_is_held() -> None:
    limiter = KeyframeLimiter()
    for _ in range(BURST):
        assert limiter.request(0.0) is KeyframeDecision.SEND
    assert limiter.request(0.1) is KeyframeDecision.HOLD
    assert limiter.request(0.2) is KeyframeDecision.JOINED
    limiter.satisfied()
    assert not limiter.due(0.3)
    assert limiter.request(0.4) is KeyframeDecision.SEND
