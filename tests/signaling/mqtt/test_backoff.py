"""How long to wait before the next attempt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.signaling.mqtt.backoff import STABLE_AFTER, Backoff
from agent.signaling.mqtt.mqtt_options import MqttOptions

OPTIONS = MqttOptions(retry_first=1, retry_longest=60, retry_refused=15, retry_refused_longest=300)


def test_backoff_pauses_double_up_to_a_limit() -> None:
    backoff = Backoff(OPTIONS, lambda: 0.0)
    assert [backoff.next(slow=False) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_backoff_refusal_has_a_slower_ladder_of_its_own() -> None:
    backoff = Backoff(OPTIONS, lambda: 0.0)
    backoff.next(slow=False)
    assert [backoff.next(slow=True) for _ in range(6)] == [15, 30, 60, 120, 240, 300]
    assert backoff.next(slow=False) == 1


def test_backoff_connection_that_held_starts_it_anew() -> None:
    backoff = Backoff(OPTIONS, lambda: 0.0)
    backoff.next(slow=False)
    backoff.held(STABLE_AFTER - 1)
    assert backoff.next(slow=False) == 2
    backoff.held(STABLE_AFTER)
    assert backoff.next(slow=False) == 1


def test_backoff_two_devices_of_one_client_id_fight_ever_more_slowly() -> None:
    """Each connects fine, holds for as long as the other pauses, and is thrown out again."""
    ours, theirs = Backoff(OPTIONS, lambda: 0.0), Backoff(OPTIONS, lambda: 0.0)
    pauses = [theirs.next(slow=True)]
    for backoff in (ours, theirs, ours, theirs, ours, theirs, ours):
        backoff.held(pauses[-1])
        pauses.append(backoff.next(slow=True))
    assert pauses == [15, 15, 30, 30, 60, 60, 120, 120]
    ours.held(301)
    assert ours.next(slow=True) == 15


def test_backoff_what_was_spent_waiting_in_vain_counts() -> None:
    backoff = Backoff(MqttOptions(), lambda: 0.0)
    assert backoff.next(slow=False) == 2
    assert backoff.next(slow=False, spent=1) == 2
    assert backoff.next(slow=False, spent=10) == 0.75


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 30), st.integers(0, 40))
def test_backoff_broker_that_is_away_is_tried_every_few_seconds_and_never_at_once(
    unit: float, spent: float, failures: int
) -> None:
    """A call is taken within five seconds of its return: two are left to a busy machine for all
    that follows.
    """
    backoff = Backoff(MqttOptions(), lambda: unit)
    for _ in range(failures):
        backoff.next(slow=False)
    assert spent + backoff.next(slow=False, spent=spent) >= 1
    assert 0.25 <= backoff.next(slow=False, spent=spent) <= 3


def test_backoff_years_of_failures_do_not_overflow() -> None:
    backoff = Backoff(OPTIONS, lambda: 0.0)
    assert {backoff.next(slow=False) for _ in range(5000)} == {1, 2, 4, 8, 16, 32, 60}


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 40), st.booleans())
def test_backoff_jitter_takes_away_up_to_a_half(unit: float, failures: int, slow: bool) -> None:
    steady, jittered = Backoff(OPTIONS, lambda: 0.0), Backoff(OPTIONS, lambda: unit)
    for _ in range(failures):
        steady.next(slow=slow)
        jittered.next(slow=slow)
    full = steady.next(slow=slow)
    assert full / 2 <= jittered.next(slow=slow) <= full
