"""Which of two calls that cross goes first, and who crosses at all. What follows of each step is in
the scenarios; that both sides meet, in the properties.
"""

from __future__ import annotations

import pytest

from agent.core.call import events as ev
from agent.core.call.crossings import Crossings, Ruling
from agent.core.call.decision import NO_LINE_FREE, Action, Decision, Line
from agent.core.call.incoming import IncomingCall
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallMode, CallStatus, Purpose
from agent.core.call.registry import CallRegistry
from agent.core.call.values import MediaGrant
from agent.core.policy.rate_limiter import RateLimiter
from tests.core.call.calls import CALLER, OWN, PARTY, TIMING, feed, invitation

RING = Decision(Action.RING, "household", None, MediaGrant(max_duration=60.0))


def calling(*targets: str, mode: CallMode = CallMode.PARALLEL, lines: int = 1) -> CallRegistry:
    """A registry with a call to `targets`, of the id `first`, whose invitations are out."""
    registry = CallRegistry(RateLimiter(), max_conversations=lines)
    call = OutgoingCall("first", OWN, targets, TIMING, 100.0, mode=mode)
    registry.add(call)
    call.start(100.0)
    feed(call, ev.DescriptionReady(0, "offer"))
    return registry


@pytest.mark.parametrize(
    ("conversation", "waits"),
    [("Fin", False), ("GAME", True), ("game", True), ("FIRST", False), ("firsT", False)],
)
def test_crossings_lower_id_goes_first_whatever_its_case(conversation: str, waits: bool) -> None:
    ruling = calling(CALLER).rule(invitation(conversation=conversation), RING)
    found = ev.CrossingFound("first", waits, RING.grant, RING.rule)
    assert (ruling.decision, ruling.crossing) == (RING, found)


def test_crossings_target_whose_turn_has_not_come_does_not_wait() -> None:
    registry = calling("another", CALLER, mode=CallMode.SEQUENTIAL)
    crossing = registry.rule(invitation(conversation="zzz"), RING).crossing
    assert crossing is not None
    assert not crossing.waits


def test_crossings_target_that_has_refused_does_not_wait() -> None:
    registry = calling(CALLER, "another")
    (own,) = registry.calls.values()
    feed(own, ev.ResponseReceived(CALLER, PARTY, CallStatus.REJECTED, "declined"))
    crossing = registry.rule(invitation(conversation="zzz"), RING).crossing
    assert crossing is not None
    assert not crossing.waits


@pytest.mark.parametrize("action", [Action.REJECT, Action.BUSY])
def test_crossings_lift_no_refusal_of_a_rule(action: Action) -> None:
    refusal = Decision(action, "nobody", "privacy_mode")
    assert calling(CALLER).rule(invitation(), refusal) == Ruling(refusal)


def test_crossings_line_is_what_the_caller_may_take() -> None:
    registry = calling(CALLER)
    assert registry.line_for(invitation()) is Line.FREE
    assert registry.line_for(invitation(caller="guest")) is Line.RINGS_OUT
    (own,) = registry.calls.values()
    feed(own, ev.ResponseReceived(CALLER, PARTY, CallStatus.ACCEPTED, sdp="answer"))
    assert (
        registry.line_for(invitation())
        is registry.line_for(invitation(caller="guest"))
        is Line.TAKEN
    )
    assert registry.rule(invitation(), RING) == Ruling(NO_LINE_FREE)


def test_crossings_talk_that_a_rule_accepts_takes_the_call_only_where_no_line_is_free() -> None:
    accept = Decision(Action.ACCEPT)
    guest = invitation(caller="guest", conversation="zzz")
    crossing = calling(CALLER).rule(guest, accept).crossing
    assert crossing == ev.CrossingFound("first")
    assert calling(CALLER, lines=2).rule(guest, accept) == Ruling(accept)
    assert calling(CALLER).rule(guest, RING) == Ruling(NO_LINE_FREE)


def test_crossings_view_takes_nobody_s_place() -> None:
    registry = calling(CALLER)
    view = invitation(purpose=Purpose.VIEW)
    assert registry.rule(view, Decision(Action.ACCEPT)) == Ruling(Decision(Action.ACCEPT))
    looking = CallRegistry(RateLimiter())
    call = OutgoingCall("first", OWN, [CALLER], TIMING, 100.0, purpose=Purpose.VIEW)
    looking.add(call)
    assert looking.rule(invitation(), RING) == Ruling(RING)


@pytest.mark.parametrize(
    ("caller", "lines", "taken"),
    [("guest", 1, True), ("guest", 2, False), (CALLER, 2, True)],
)
def test_crossings_view_that_talks_takes_the_call_of_whom_it_invites_or_the_last_line(
    caller: str, lines: int, taken: bool
) -> None:
    registry = calling(CALLER, lines=lines)
    (own,) = registry.calls.values()
    asked = invitation(caller=caller, conversation="zzz", purpose=Purpose.VIEW)
    view = IncomingCall(asked, OWN, TIMING, 100.0, Decision(Action.ACCEPT))
    registry.add(view)
    view.start(100.0)
    feed(view, ev.DescriptionReady(0, "answer"))
    feed(view, ev.PeerConnected(0))
    feed(view, ev.OfferReceived(caller, asked.party, 1, "offer", sends_sound=True))
    feed(view, ev.TalkAllowed(1, "offer"))
    registry.take_ring(view)
    # it holds: none of ours waits for whether its caller selects us
    yielding = ev.YieldRequested("zzz", None, goes_first=False)
    assert registry.follow(view) == ([(own, yielding)] if taken else [])


def test_crossings_of_none_are_empty() -> None:
    crossings = Crossings()
    assert not len(crossings)
    assert crossings.target(CALLER, []) is None
    assert crossings.ringing_out([]) == []
