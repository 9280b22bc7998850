"""Renewals by itself: its table a second time, and what becomes of the transports."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.call.effects import ClosePeer, StartMedia
from agent.core.call.machine import Refused
from agent.core.call.renewals import TRANSITIONS, RenewalEvent, Renewals, RenewalState
from tests.core.call.calls import TIMING

E = RenewalEvent
# where each event leads, in the order: begun here, offer received, described, answer received,
# connected, dropped; `-` is refused
TWIN = {
    "none": "offering answering - - - -",
    "offering": "- - offered answered none none",
    "offered": "- - offered answered none none",
    "answering": "- - answered - none none",
    "answered": "- - answered - none none",
}


@pytest.mark.parametrize("state", RenewalState)
def test_renewals_table_is_what_it_is_meant_to_be(state: RenewalState) -> None:
    leads = [str(TRANSITIONS[state].get(event, "-")) for event in RenewalEvent]
    assert " ".join(leads) == TWIN[state.value]


def made() -> Renewals:
    """With the first transport."""
    return Renewals(live={0})


def test_renewals_of_ours_take_the_media_over() -> None:
    renewals = made()
    assert renewals.begin(100.0, TIMING) == 1
    renewals.live.add(1)
    assert (renewals.ours, renewals.shared, renewals.deadline) == (True, False, 115.0)
    renewals.describe(1)
    renewals.receive_answer(1)
    assert renewals.shared
    assert renewals.retry_at == 115.0
    assert renewals.connect() == [StartMedia(1), ClosePeer(0)]
    assert renewals == Renewals(current=1, newest=1, live={1})


def test_renewals_of_theirs_are_shared_from_the_offer_on() -> None:
    renewals = made()
    renewals.begin_theirs(4, 100.0, TIMING)
    assert (renewals.ours, renewals.shared, renewals.newest) == (False, True, 4)
    with pytest.raises(Refused):
        renewals.receive_answer(4)
    renewals.describe(4)
    assert renewals.state is RenewalState.ANSWERED


def test_renewals_that_are_dropped_leave_the_old_transport() -> None:
    renewals = made()
    assert renewals.drop() == []
    renewals.begin(100.0, TIMING)
    renewals.live.add(1)
    assert renewals.drop() == [ClosePeer(1)]
    assert (renewals.under_way, renewals.current, renewals.live) == (False, 0, {0})
    assert renewals.begin(101.0, TIMING) == 2


def test_renewals_that_fail_bring_the_next_attempt_forward_never_back() -> None:
    renewals = made()
    renewals.begin_theirs(1, 100.0, TIMING)
    assert renewals.retry_at == 100.0 + TIMING.renewal
    renewals.fail(101.0, TIMING)
    assert renewals.retry_at == 101.0 + TIMING.retry
    renewals.begin(102.0, TIMING)
    renewals.fail(106.0, TIMING)
    assert renewals.retry_at == 102.0 + TIMING.retry


def test_renewals_are_counted() -> None:
    few = replace(TIMING, max_renewals=1)
    renewals = made()
    assert renewals.may_begin(few)
    renewals.begin(100.0, few)
    assert not renewals.may_begin(few)
    with pytest.raises(Refused, match="more than 1"):
        renewals.require_acceptable(2, few, we_win=False)


@pytest.mark.parametrize(
    ("ours", "we_win", "generation", "taken"),
    [
        # on a collision the inviter's offer wins
        (True, True, 1, False),
        (True, False, 1, True),
        (True, True, 2, True),
        # the same one again
        (False, False, 1, False),
        (False, False, 2, True),
    ],
)
def test_renewals_accept_what_is_new_and_wins(
    ours: bool, we_win: bool, generation: int, taken: bool
) -> None:
    renewals = made()
    if ours:
        renewals.begin(100.0, TIMING)
    else:
        renewals.begin_theirs(1, 100.0, TIMING)
    if taken:
        renewals.require_acceptable(generation, TIMING, we_win=we_win)
    else:
        with pytest.raises(Refused):
            renewals.require_acceptable(generation, TIMING, we_win=we_win)


def test_renewals_know_which_transport_is_which() -> None:
    renewals = made()
    renewals.begin(100.0, TIMING)
    renewals.require_current(0)
    renewals.require_live(0)
    renewals.require_under_way(1)
    for check in (renewals.require_current, renewals.require_live):
        with pytest.raises(Refused):
            check(1)
    with pytest.raises(Refused):
        renewals.require_under_way(0)


def test_renewals_close_all_in_order() -> None:
    renewals = Renewals(live={0})
    renewals.begin(100.0, TIMING)
    renewals.live.add(1)
    assert renewals.close_all() == [ClosePeer(0), ClosePeer(1)]
    assert (renewals.live, renewals.under_way, renewals.retry_at) == (set(), False, None)
