"""A decision becomes the input by which it enters its call."""

from __future__ import annotations

import pytest

from agent.core.call import events as ev
from agent.core.call.decision import NO_LINE_FREE, Action, Decision
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Side
from tests.core.call.calls import OWN, TIMING, feed, invitation

GRANT = ev.MediaGrant(video=False, max_duration=5)
CALLED = ev.Called()


@pytest.mark.parametrize(
    ("decision", "request_"),
    [
        (Decision(Action.ACCEPT, "a", grant=GRANT), ev.AcceptRequested(GRANT, "a")),
        (Decision(Action.RING, "a", grant=GRANT), ev.RingRequested("a", GRANT)),
        (Decision(Action.RING, ring_time=10), ev.RingRequested(longest=10)),
        (
            Decision(Action.REJECT, "a", "spam"),
            ev.RejectRequested(CallStatus.REJECTED, "spam", "a"),
        ),
        (Decision(Action.REJECT), ev.RejectRequested(CallStatus.REJECTED, "rejected")),
        (Decision(Action.BUSY), ev.RejectRequested(CallStatus.BUSY, "busy")),
    ],
)
def test_decision_request_says_what_was_decided(decision: Decision, request_: ev.Input) -> None:
    assert decision.request == request_
    assert decision.lets_in is not isinstance(request_, ev.RejectRequested)


def test_incoming_call_that_rings_is_accepted_with_what_was_granted() -> None:
    call = IncomingCall(invitation(), OWN, TIMING, 0.0)
    call.handle(Decision(Action.RING, "ask", grant=GRANT).request, 0.0)
    effects = call.handle(ev.AcceptRequested(), 1.0).effects
    assert call.state is State.ANSWERING
    assert (call.rule, call.grant) == ("ask", GRANT)
    assert ev.CreateAnswer(0, "the offer", GRANT) in effects


def decided(decision: Decision | None, **changes: object) -> IncomingCall:
    return IncomingCall(invitation(**changes), OWN, TIMING, 100.0, decision)


def test_decision_accept_answers_at_once_with_what_it_grants() -> None:
    call = decided(Decision(Action.ACCEPT, "family", None, GRANT))
    assert call.start(101.0) == [CALLED, ev.CreateAnswer(0, "the offer", GRANT)]
    assert (call.state, call.rule, call.turned_away) == (State.ANSWERING, "family", False)
    assert call.next_deadline() == 101.0 + TIMING.setup


def test_decision_ring_asks_a_person_who_accepts_with_what_it_grants() -> None:
    call = decided(Decision(Action.RING, "by day", None, GRANT))
    assert call.start(105.0) == [CALLED, ev.SendRinging(25.0)]
    assert feed(call, ev.AcceptRequested()) == [ev.CreateAnswer(0, "the offer", GRANT)]
    assert (call.rule, call.turned_away) == ("by day", False)


def test_decision_ring_leaves_the_grant_to_who_names_another() -> None:
    call = decided(Decision(Action.RING, None, None, GRANT))
    call.start(100.0)
    other = ev.MediaGrant(max_duration=5.0)
    assert feed(call, ev.AcceptRequested(other)) == [ev.CreateAnswer(0, "the offer", other)]


@pytest.mark.parametrize(
    ("decision", "status", "code", "reason"),
    [
        (
            Decision(Action.REJECT, None, "not_allowed"),
            CallStatus.REJECTED,
            "not_allowed",
            CloseReason.REJECTED,
        ),
        (
            Decision(Action.BUSY, "night", "do_not_disturb"),
            CallStatus.BUSY,
            "do_not_disturb",
            CloseReason.USER_BUSY,
        ),
        (NO_LINE_FREE, CallStatus.BUSY, "busy", CloseReason.USER_BUSY),
    ],
)
def test_decision_refusal_is_answered_and_takes_no_line(
    decision: Decision, status: CallStatus, code: str, reason: CloseReason
) -> None:
    call = decided(decision)
    assert call.turned_away
    assert call.start(100.0) == [
        CALLED,
        ev.SendResponse(status, code),
        ev.InvitationAnswered(status, code, decision.rule),
        ev.Closed(reason, Side.LOCAL),
    ]


@pytest.mark.parametrize("decision", [None, Decision(Action.ACCEPT, "family")])
def test_decision_lets_nobody_in_whose_invitation_came_too_late(decision: Decision | None) -> None:
    call = decided(decision, age=35.1)
    assert call.turned_away
    assert call.start(100.0)[1] == ev.SendResponse(CallStatus.TIMEOUT, "expired")
    assert call.closed == ev.Closed(CloseReason.INVITE_TIMEOUT, Side.LOCAL)


def test_decision_none_leaves_it_to_the_application() -> None:
    call = decided(None)
    assert call.start(100.0) == [CALLED]
    assert (call.state, call.turned_away) == (State.INVITED, False)
    assert feed(call, ev.AcceptRequested()) == [ev.CreateAnswer(0, "the offer", ev.MediaGrant())]
