"""A decision becomes the input by which it enters its call."""

from __future__ import annotations

import pytest

from agent.core.call import events as ev
from agent.core.call.decision import Action, Decision
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State, Timing
from agent.core.call.reasons import CallStatus

GRANT = ev.MediaGrant(video=False, max_duration=5)


@pytest.mark.parametrize(
    ("decision", "request_"),
    [
        (Decision(Action.ACCEPT, "a", grant=GRANT), ev.AcceptRequested(GRANT, "a")),
        (Decision(Action.RING, "a", grant=GRANT), ev.RingRequested("a", GRANT)),
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
    invitation = ev.Invitation("c", "alice", "p", "v=0", 30.0)
    call = IncomingCall(invitation, "own", Timing(), 0.0)
    call.handle(Decision(Action.RING, "ask", grant=GRANT).request, 0.0)
    effects = call.handle(ev.AcceptRequested(), 1.0).effects
    assert call.state is State.ANSWERING
    assert (call.rule, call.grant) == ("ask", GRANT)
    assert ev.CreateAnswer(0, "v=0", GRANT) in effects
