"""Liveness by itself: its table a second time, and when a silent peer is given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.call.liveness import TRANSITIONS, Liveness, LivenessEvent, LivenessState
from agent.core.call.machine import Refused
from tests.core.call.calls import TIMING

# every state, and where each event leads from it; what is not named is refused
TWIN = {
    "heard": "nothing received>silent transport lost>gone transport closed>left renewed>heard",
    "silent": "packet received>heard transport lost>gone transport closed>left renewed>heard "
    "given up>vanished",
    "gone": "packet received>heard transport lost>gone transport closed>left renewed>heard "
    "given up>vanished",
    "left": "renewed>heard given up>vanished",
    "vanished": "",
}


def test_liveness_table_is_what_it_is_meant_to_be() -> None:
    for state in LivenessState:
        ways = {f"{event.value}>{to.value}" for event, to in TRANSITIONS[state].items()}
        rest = TWIN[state.value]
        for way in sorted(ways):
            assert way in rest, f"{state}: {way}"
            rest = rest.replace(way, "", 1)
        assert rest.strip() == "", state


def test_liveness_degrades_once_and_is_restored_once() -> None:
    liveness = Liveness()
    assert liveness.fall_silent(100.0)
    assert not liveness.lose_transport(104.0)
    assert liveness.silent_since == 100.0
    assert liveness.renew()
    assert not liveness.renew()
    assert liveness == Liveness()


def test_liveness_of_a_peer_that_left_is_not_restored_by_a_packet() -> None:
    liveness = Liveness()
    liveness.leave(100.0)
    with pytest.raises(Refused):
        liveness.hear()
    with pytest.raises(Refused):
        liveness.lose_transport(101.0)
    # the application was not told, so it is not told of the return either
    assert not liveness.renew()


def test_liveness_is_lost_before_it_is_given_up() -> None:
    liveness = Liveness()
    assert liveness.lose_at(TIMING) is None
    liveness.fall_silent(100.0)
    assert liveness.lose_at(TIMING) == 100.0 + TIMING.lost
    liveness.hear()
    assert liveness.lose_at(TIMING) is None


@pytest.mark.parametrize(
    ("liveness", "shared", "expected"),
    [
        (Liveness(), False, None),
        (Liveness(silent_since=100.0), False, 100.0 + TIMING.hold),
        # a word keeps its place no longer
        (Liveness(silent_since=100.0, spoke_at=140.0), False, 100.0 + TIMING.hold),
        (Liveness(silent_since=100.0, left_at=104.0), False, 104.0 + TIMING.goodbye),
        (Liveness(silent_since=100.0, left_at=104.0), True, 100.0 + TIMING.hold),
    ],
)
def test_liveness_gives_up_when_it_must(
    liveness: Liveness, shared: bool, expected: float | None
) -> None:
    assert liveness.give_up_at(TIMING, renewal_shared=shared) == expected


TIMES = st.one_of(st.none(), st.floats(0, 500))


@given(st.floats(0, 100), TIMES, TIMES, st.booleans())
def test_liveness_always_gives_up_within_the_hold_or_soon_after_a_goodbye(
    silent: float, spoke: float | None, left: float | None, shared: bool
) -> None:
    liveness = Liveness(LivenessState.SILENT, silent, spoke, left)
    end = liveness.give_up_at(TIMING, renewal_shared=shared)
    assert end is not None
    bounds = [silent + TIMING.hold]
    bounds += [left + TIMING.goodbye] if left is not None else []
    assert end <= max(bounds)


def test_liveness_uses_every_event() -> None:
    assert {event for rows in TRANSITIONS.values() for event in rows} == set(LivenessEvent)
