"""The inviting side whose clock is wrong, or is said to be."""

from __future__ import annotations

import pytest

from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallMode, CallStatus, CloseReason
from tests.core.call.calls import TIMING, candidate, feed
from tests.core.call.test_outgoing import accepted, inviting, refused


def expired(uid: str, now: float = 1_800_000_000.0) -> ev.ResponseReceived:
    return ev.ResponseReceived(uid, "p", CallStatus.TIMEOUT, "expired", now=now)


def group(*uids: str, mode: CallMode = CallMode.PARALLEL) -> OutgoingCall:
    call = OutgoingCall("first", "own", uids, TIMING, 100.0, mode=mode, second_id="second")
    call.start(100.0)
    feed(call, ev.DescriptionReady(0, "the offer"), now=100.0)
    return call


def invitees(effects: list[ev.Effect]) -> list[str]:
    return [each.to for each in effects if isinstance(each, ev.SendInvite)]


def test_outgoing_one_target_that_speaks_of_another_time_costs_the_others_nothing() -> None:
    call = group("a", "b", "c")
    feed(call, ev.RingingReceived("c", "p", 30.0))
    assert feed(call, expired("b", -1000.0)) == []
    assert call.signaled_as == "first"
    assert isinstance(feed(call, accepted("a"))[0], ev.SendSelect)
    # nor where nobody else answers: somebody is asked there, so our time was right
    call = group("a", "b")
    feed(call, expired("b"), ev.RingingReceived("a", "p", 30.0))
    effects = feed(call, ev.DeadlineReached(), now=130.0)
    assert (invitees(effects), call.state) == ([], State.CLOSED)
    # nor where they do not agree
    call = group("a", "b")
    effects = feed(call, expired("b", 0.0), expired("a"))
    assert (invitees(effects), call.state) == ([], State.CLOSED)


@pytest.mark.parametrize(("mode", "invited"), [("parallel", ["a", "b"]), ("sequential", ["a"])])
def test_outgoing_targets_that_agree_about_the_time_are_invited_once_more(
    mode: CallMode, invited: list[str]
) -> None:
    call = group("a", "b", mode=CallMode(mode))
    feed(call, expired("a"), now=103.0)
    effects = feed(call, expired("b"), now=103.0)
    assert [each.to for each in effects if isinstance(each, ev.SendClose)] == ["a", "b"]
    assert ev.InviteAgain("second", 1_800_000_000.0) in effects
    assert (invitees(effects), call.signaled_as) == (invited, "second")
    assert isinstance(feed(call, accepted("a"))[0], ev.SendSelect)


def test_outgoing_target_that_is_not_there_does_not_contradict_the_others() -> None:
    call = group("a", "b")
    feed(call, expired("a"), now=101.0)
    effects = feed(call, ev.DeadlineReached(), now=130.0)
    assert invitees(effects) == ["a", "b"]
    assert ev.InviteAgain("second", 1_800_000_029.0) in effects


def test_outgoing_our_clock_is_unset_so_everyone_waiting_is_invited_once_more() -> None:
    call = OutgoingCall(
        "first", "own", ["a", "b", "c"], TIMING, 100.0, second_id="second", clock_is_set=False
    )
    call.start(100.0)
    feed(
        call, ev.DescriptionReady(0, "the offer"), ev.CandidateFound(0, candidate(1)), refused("a")
    )
    feed(call, ev.RingingReceived("c", "p", 30.0), ev.CandidateReceived("c", "p", candidate(2)))
    effects = feed(call, expired("b"), now=110.0)
    assert effects == [
        ev.SendClose("b", CloseReason.CANCELLED),
        ev.SendClose("c", CloseReason.CANCELLED),
        ev.InviteAgain("second", 1_800_000_000.0),
        ev.SendInvite("b", "the offer", 30.0, None),
        ev.SendCandidate("b", candidate(1)),
        ev.SendInvite("c", "the offer", 30.0, None),
        ev.SendCandidate("c", candidate(1)),
    ]
    assert (call.conversation, call.signaled_as, call.next_deadline()) == ("first", "second", 140.0)
    # it rings anew
    assert feed(call, ev.RingingReceived("c", "p", 30.0)) == [ev.RemoteRinging("c", 30.0)]
    effects = feed(call, expired("b"), expired("c"))  # once is enough
    assert effects[0] == ev.InvitationAnswered(CallStatus.TIMEOUT, "expired")
    effects = feed(inviting("a"), expired("a"))
    assert effects[0] == ev.InvitationAnswered(CallStatus.TIMEOUT, "expired"), (
        "without a second id there is no second time"
    )
