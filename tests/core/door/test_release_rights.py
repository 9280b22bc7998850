"""Who may have a door released by signal."""

from __future__ import annotations

import pytest

from agent.core.call import events as ev
from agent.core.call.decision import Action, Decision
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import Timing
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.core.door.release_rights import AFTERWARDS, MAX_PAST, Holder, ReleaseRights, holder_of

OPEN = ev.MediaGrant(open=True)


def incoming(
    rule: str = "family",
    grant: ev.MediaGrant = OPEN,
    purpose: Purpose = Purpose.TALK,
    action: Action = Action.ACCEPT,
    conversation: str = "c-1",
) -> IncomingCall:
    invitation = ev.Invitation(conversation, "alice", "phone", "v=0", 30.0, purpose=purpose)
    decision = Decision(action, rule, None, grant)
    call = IncomingCall(invitation, "door", Timing(), 0.0, decision, None)
    call.start(0.0)
    return call


def accepted(call: IncomingCall) -> IncomingCall:
    call.handle(ev.DescriptionReady(0, "v=0"), 1.0)
    assert call.call_status is CallStatus.ACCEPTED
    return call


def outgoing() -> OutgoingCall:
    call = OutgoingCall("c-2", "door", ["bob", "carol"], Timing(), 0.0)
    call.start(0.0)
    call.handle(ev.DescriptionReady(0, "v=0"), 0.5)
    return call


def test_holder_is_the_party_that_was_accepted() -> None:
    assert holder_of(accepted(incoming())) == Holder("alice", "phone", True)
    closed = accepted(incoming(grant=ev.MediaGrant()))
    assert holder_of(closed) == Holder("alice", "phone", False)


def test_holder_under_an_override_is_judged_by_the_rules_as_they_are() -> None:
    assert holder_of(accepted(incoming(rule="override"))) == Holder("alice", "phone", None)


def test_holder_is_nobody_before_an_answer() -> None:
    assert holder_of(incoming()) is None
    assert holder_of(incoming(action=Action.RING)) is None
    assert holder_of(incoming(action=Action.REJECT)) is None
    assert holder_of(outgoing()) is None


def test_holder_is_nobody_who_only_looks() -> None:
    assert holder_of(accepted(incoming(purpose=Purpose.VIEW))) is None


def test_holder_of_an_outgoing_call_is_the_party_whose_answer_counted() -> None:
    call = outgoing()
    call.handle(ev.ResponseReceived("carol", "tablet", CallStatus.ACCEPTED, sdp="v=0"), 1.0)
    assert holder_of(call) == Holder("carol", "tablet", None)


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (CloseReason.USER_HANGUP, True),
        (CloseReason.MAX_DURATION, True),
        (CloseReason.ICE_TIMEOUT, True),
        (CloseReason.PRIVACY_MODE, False),
        (CloseReason.REPLACED, False),
        (CloseReason.ANSWERED_ELSEWHERE, False),
    ],
)
def test_release_rights_last_for_30_s_unless_the_end_took_them(
    reason: CloseReason, kept: bool
) -> None:
    rights, call = ReleaseRights(), accepted(incoming())
    assert rights.holder("c-1", call, 5.0) == Holder("alice", "phone", True)
    call.handle(ev.CloseRequested(reason), 10.0)
    rights.ended(call, 10.0)
    for known in (call, None):
        found = rights.holder("c-1", known, 10.0 + AFTERWARDS)
        assert found == (Holder("alice", "phone", True) if kept else None)
    assert rights.holder("c-1", None, 10.0 + AFTERWARDS + 0.001) is None
    assert rights.holder("c-2", None, 11.0) is None


def test_release_rights_keep_a_bounded_number() -> None:
    rights = ReleaseRights()
    for number in range(MAX_PAST + 1):
        call = accepted(incoming(conversation=f"c-{number}"))
        call.handle(ev.CloseRequested(), 1.0)
        rights.ended(call, 1.0)
    assert rights.holder("c-0", None, 1.0) is None
    assert rights.holder("c-1", None, 1.0) is not None
