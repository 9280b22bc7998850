"""How long to wait before the next attempt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.signaling.backoff import Backoff
from agent.signaling.options import MqttOptions

OPTIONS = MqttOptions(retry_first=1, retry_longest=60, retry_refused=15, retry_refused_longest=300)


def test_pauses_double_up_to_a_limit() -> None:
    backoff = Backoff(OPTIONS, lambda: 0.0)
    assert [backoff.next(slow=False) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_refusal_has_a_slower_ladder_of_its_own() -> None:
    backoff = Backoff(OPTIONS, lambda: 0.0)
    backoff.next(slow=False)
    assert [backoff.next(slow=True) for _ in range(6)] == [15, 30, 60, 120, 240, 300]
    assert backoff.next(slow=False) == 1


def test_a_connection_that_held_starts_it_anew() -> None:
    backoff = Backoff(OPTIONS, lambda: 0.0)
    backoff.next(slow=False)
    backoff.next(slow=False)
    backoff.reset()
    assert backoff.next(slow=False) == 1


def test_years_of_failures_do_not_overflow() -> None:
    backoff = Backoff(OPTIONS, lambda: 0.0)
    assert {backoff.next(slow=False) for _ in range(5000)} == {1, 2, 4, 8, 16, 32, 60}


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 40), st.booleans())
def test_jitter_takes_away_up_to_a_half(unit: float, failures: int, slow: bool) -> None:
    steady, jittered = Backoff(OPTIONS, lambda: 0.0), Backoff(OPTIONS, lambda: unit)
    for _ in range(failures):
        steady.next(slow=slow)
        jittered.next(slow=slow)
    full = steady.next(slow=slow)
    assert full / 2 <= jittered.next(slow=slow) <= full
