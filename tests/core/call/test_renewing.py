"""A fresh transport for the same conversation, from either side, on a collision, and when it
fails.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Side
from tests.core.call.calls import (
    CALLER,
    PARTY,
    candidate,
    connecting,
    established,
    feed,
    incoming,
    outgoing,
)


def test_renewal_offer_of_the_remote_peer_takes_over_once_it_is_connected() -> None:
    call = established()
    assert feed(call, ev.OfferReceived(CALLER, PARTY, 1, "fresh offer")) == [
        ev.CreateAnswer(1, "fresh offer", ev.MediaGrant())
    ]
    assert feed(call, ev.DescriptionReady(1, "fresh answer")) == [ev.SendAnswer(1, "fresh answer")]
    assert feed(call, ev.PeerConnected(1)) == [ev.StartMedia(1), ev.ClosePeer(0)]
    assert (call.reconnects, call.current_generation) == (1, 1)


def test_renewal_our_own_renewal() -> None:
    call = established()
    assert feed(call, ev.RenewRequested()) == [ev.CreateOffer(1, ev.MediaGrant())]
    assert feed(call, ev.DescriptionReady(1, "offer")) == [ev.SendOffer(1, "offer")]
    assert feed(call, ev.AnswerReceived(CALLER, PARTY, 1, "answer")) == [
        ev.ApplyAnswer(1, "answer")
    ]
    feed(call, ev.PeerConnected(1))
    assert call.state is State.ESTABLISHED


def test_renewal_inviters_servers_are_for_every_transport_of_the_call() -> None:
    """Where the first one needed a relay, the next one does, too."""
    servers = (ev.IceServer(("turn:192.0.2.1",), "u", "p"),)
    call, grant = incoming(ice_servers=servers), ev.MediaGrant(ice_servers=True)
    feed(call, ev.AcceptRequested(grant), ev.DescriptionReady(0, "the answer"), ev.PeerConnected(0))
    foreign = (replace(servers[0], is_foreign=True),)
    assert feed(call, ev.RenewRequested()) == [ev.CreateOffer(1, grant, foreign)]
    assert ev.CreateAnswer(2, "theirs", grant, foreign) in feed(
        call, ev.OfferReceived(CALLER, PARTY, 2, "theirs")
    )


def test_renewal_servers_of_the_inviter_are_not_asked_unless_the_rule_says_so() -> None:
    call = incoming(ice_servers=(ev.IceServer(("turn:192.0.2.1",), "u", "p"),))
    (create, *_) = feed(call, ev.AcceptRequested())
    assert create == ev.CreateAnswer(0, "the offer", ev.MediaGrant())
    feed(call, ev.DescriptionReady(0, "the answer"), ev.PeerConnected(0))
    assert feed(call, ev.RenewRequested()) == [ev.CreateOffer(1, ev.MediaGrant())]


def test_renewal_same_offer_again_changes_nothing() -> None:
    call = established()
    offer = ev.OfferReceived(CALLER, PARTY, 1, "fresh offer")
    feed(call, offer)
    assert call.handle(offer, 101.0).refused
    feed(call, ev.DescriptionReady(1, "a"), ev.PeerConnected(1))
    assert call.handle(offer, 101.0).refused


def test_renewal_on_a_collision_the_inviters_offer_wins() -> None:
    invited = established()
    feed(invited, ev.RenewRequested())
    assert feed(invited, ev.OfferReceived(CALLER, PARTY, 1, "theirs")) == [
        ev.ClosePeer(1),
        ev.CreateAnswer(1, "theirs", ev.MediaGrant()),
    ]
    inviter = outgoing(CALLER)
    feed(
        inviter,
        ev.DescriptionReady(0, "offer"),
        ev.ResponseReceived(CALLER, PARTY, CallStatus.ACCEPTED, sdp="answer"),
        ev.PeerConnected(0),
        ev.RenewRequested(),
    )
    assert inviter.handle(ev.OfferReceived(CALLER, PARTY, 1, "theirs"), 101.0).refused


def test_renewal_that_comes_to_nothing_leaves_the_old_transport() -> None:
    call = established(now=100.0)
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "fresh offer"), now=110.0)
    assert call.next_deadline() == 125.0
    assert feed(call, ev.DeadlineReached(), now=125.0) == [ev.ClosePeer(1)]
    assert call.state is State.ESTABLISHED


def test_renewal_our_network_changed_again_while_a_transport_was_in_the_making() -> None:
    """It has the old addresses."""
    call = established()
    feed(call, ev.RenewRequested())
    assert feed(call, ev.RenewRequested()) == [ev.ClosePeer(1), ev.CreateOffer(2, ev.MediaGrant())]


@pytest.mark.parametrize(
    "reason", [CloseReason.ICE_FAILED, CloseReason.REJECTED, CloseReason.UNKNOWN_REASON]
)
def test_renewal_offer_that_cannot_be_used_leaves_the_old_transport(reason: CloseReason) -> None:
    call = established()
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "nonsense"))
    # whose description it is that cannot be used hears of it
    told = [ev.SendError(CALLER, "unusable_sdp", "nonsense")]
    assert feed(call, ev.PeerFailed(1, "unusable_sdp", "nonsense", reason)) == [
        ev.ErrorRaised("unusable_sdp", "nonsense"),
        *(told if reason == CloseReason.REJECTED else []),
        ev.ClosePeer(1),
    ]
    assert (call.state, call.current_generation) == (State.ESTABLISHED, 0)


def test_renewal_media_source_that_fails_ends_the_call() -> None:
    for generation in (0, 1):
        call = established()
        feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"))
        effects = feed(
            call, ev.PeerFailed(generation, "no_user_media", "gone", CloseReason.NO_USER_MEDIA)
        )
        assert effects[:2] == [
            ev.ErrorRaised("no_user_media", "gone"),
            ev.SendClose(CALLER, CloseReason.NO_USER_MEDIA),
        ]
        assert effects[-1] == ev.Closed(CloseReason.NO_USER_MEDIA, Side.LOCAL)


def test_renewal_candidates_go_to_the_transport_in_the_making() -> None:
    call = established()
    assert feed(call, ev.CandidateReceived(CALLER, PARTY, candidate(1))) == [
        ev.AddCandidate(0, candidate(1))
    ]
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"))
    assert feed(call, ev.CandidateReceived(CALLER, PARTY, candidate(2))) == [
        ev.AddCandidate(1, candidate(2))
    ]


def test_renewal_candidates_are_counted_for_the_whole_conversation() -> None:
    """A remote peer could make a hundred offers in one instant, or one after the other."""
    call = established()
    received = ev.CandidateReceived(CALLER, PARTY, candidate())
    feed(call, *[received] * call.timing.max_candidates)
    assert call.handle(received, 101.0).refused
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"))
    assert call.handle(received, 102.0).refused
    feed(call, ev.PeerConnected(1))
    assert call.handle(received, 102.0).refused
    feed(call, ev.RenewRequested())
    assert call.handle(received, 102.0).refused
    # the end of those of the fresh transport is told all the same
    end = ev.CandidateReceived(CALLER, PARTY, None)
    assert feed(call, end) == [ev.AddCandidate(2, None)]


# -- before there is an answer ---------------------------------------------------------------------


@pytest.mark.parametrize("changes", [1, 3])
@pytest.mark.parametrize("offered", [False, True])
def test_renewal_of_a_network_change_while_inviting(changes: int, offered: bool) -> None:
    """What we invited with has the old addresses: who accepts is offered a fresh transport in the
    same breath.
    """
    call = outgoing(CALLER)
    moves = [ev.RenewRequested()] * changes
    before, after = ([], moves) if offered else (moves, [])
    effects = feed(call, *before, ev.DescriptionReady(0, "offer"), *after)
    assert not [each for each in effects if isinstance(each, ev.CreateOffer)], (
        "no offer before there is an answer"
    )
    effects = feed(call, ev.ResponseReceived(CALLER, PARTY, CallStatus.ACCEPTED, sdp="answer"))
    assert effects[-3:] == [
        ev.InvitationAnswered(CallStatus.ACCEPTED),
        ev.StartMedia(0),
        ev.CreateOffer(1, ev.MediaGrant()),
    ]
    assert feed(call, ev.DescriptionReady(1, "fresh")) == [ev.SendOffer(1, "fresh")]
    assert call.next_deadline() == 101.0 + call.timing.setup


def test_renewal_our_network_changes_while_the_answer_is_made() -> None:
    call = incoming()
    feed(call, ev.AcceptRequested())
    assert feed(call, ev.RenewRequested()) == []
    assert feed(call, ev.DescriptionReady(0, "answer"))[-2:] == [
        ev.StartMedia(0),
        ev.CreateOffer(1, ev.MediaGrant()),
    ]


@pytest.mark.parametrize("rings", [False, True])
def test_renewal_is_not_needed_before_the_first_transport(
    rings: bool,
) -> None:
    """The answer will have the new addresses."""
    call = incoming()
    if rings:
        feed(call, ev.RingRequested())
    assert call.handle(ev.RenewRequested(), 101.0).refused
    effects = feed(call, ev.AcceptRequested(), ev.DescriptionReady(0, "answer"))
    assert not [each for each in effects if isinstance(each, ev.CreateOffer)]


def test_renewal_change_is_made_up_for_once() -> None:
    call = outgoing(CALLER)
    accepted = ev.ResponseReceived(CALLER, PARTY, CallStatus.ACCEPTED, sdp="answer")
    feed(call, ev.RenewRequested(), ev.DescriptionReady(0, "offer"), accepted, ev.PeerConnected(0))
    assert feed(call, ev.DeadlineReached(), now=116.0) == [ev.ClosePeer(1)]
    assert call.next_deadline() is None


# -- while the first transport connects ------------------------------------------------------------


ROLES = pytest.mark.parametrize("role", ["incoming", "outgoing"])


@ROLES
def test_renewal_of_ours_that_connects_first_establishes_the_call(
    role: str,
) -> None:
    call = connecting(role)
    assert feed(call, ev.RenewRequested()) == [ev.CreateOffer(1, ev.MediaGrant())]
    assert feed(call, ev.DescriptionReady(1, "offer")) == [ev.SendOffer(1, "offer")]
    assert feed(call, ev.AnswerReceived(CALLER, PARTY, 1, "answer")) == [
        ev.ApplyAnswer(1, "answer")
    ]
    feed(call, ev.IceConnected(1), now=103.0)
    assert feed(call, ev.PeerConnected(1), now=104.0) == [
        ev.StartMedia(1),
        ev.ClosePeer(0),
        ev.Connected(),
    ]
    assert (call.state, call.current_generation, call.reconnects) == (State.ESTABLISHED, 1, 0)
    assert (call.marks.answered, call.marks.ice, call.marks.connected) == (101.0, 103.0, 104.0)
    assert call.next_deadline() is None


@ROLES
def test_renewal_of_theirs_that_connects_first_establishes_the_call(
    role: str,
) -> None:
    call = connecting(role)
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"), ev.DescriptionReady(1, "answer"))
    assert feed(call, ev.PeerConnected(1)) == [ev.StartMedia(1), ev.ClosePeer(0), ev.Connected()]


@ROLES
def test_renewal_first_transport_may_be_quicker_than_the_fresh_one(role: str) -> None:
    call = connecting(role)
    feed(call, ev.RenewRequested(), ev.DescriptionReady(1, "offer"))
    assert feed(call, ev.PeerConnected(0)) == [ev.Connected()]
    feed(call, ev.AnswerReceived(CALLER, PARTY, 1, "answer"))
    assert feed(call, ev.PeerConnected(1)) == [ev.StartMedia(1), ev.ClosePeer(0)]
    assert (call.state, call.reconnects) == (State.ESTABLISHED, 1)


@ROLES
def test_renewal_that_is_not_answered_while_connecting_costs_nothing(
    role: str,
) -> None:
    call = connecting(role)
    feed(call, ev.RenewRequested(), ev.DescriptionReady(1, "offer"))
    assert feed(call, ev.CandidateReceived(CALLER, PARTY, candidate())) == [
        ev.AddCandidate(0, candidate())
    ]
    feed(call, ev.PeerConnected(0), now=104.0)
    assert feed(call, ev.DeadlineReached(), now=116.0) == [ev.ClosePeer(1)]
    assert (call.state, call.current_generation) == (State.ESTABLISHED, 0)


@ROLES
def test_renewal_gets_the_candidates_once_it_is_shared(
    role: str,
) -> None:
    call = connecting(role)
    feed(
        call,
        ev.RenewRequested(),
        ev.DescriptionReady(1, "o"),
        ev.AnswerReceived(CALLER, PARTY, 1, "answer"),
    )
    assert feed(call, ev.CandidateReceived(CALLER, PARTY, candidate())) == [
        ev.AddCandidate(1, candidate())
    ]


@ROLES
def test_renewal_no_fresh_transport_puts_the_end_of_the_setup_off(role: str) -> None:
    call = connecting(role)
    for now in (105.0, 110.0, 115.0):
        feed(call, ev.RenewRequested(), now=now)
        assert call.next_deadline() == 101.0 + call.timing.setup
    live = set(call.renewals.live)
    effects = feed(call, ev.DeadlineReached(), now=116.0)
    explained = [each for each in effects if isinstance(each, ev.ExplainPeer)]
    assert explained == [ev.ExplainPeer(generation) for generation in sorted(live)]
    assert effects[len(explained)] == ev.SendClose(CALLER, CloseReason.ICE_FAILED)
    assert effects[-1] == ev.Closed(CloseReason.ICE_FAILED, Side.LOCAL)


@ROLES
@pytest.mark.parametrize("first", [0, 1])
def test_renewal_either_transport_may_fail_while_it_connects(role: str, first: int) -> None:
    call = connecting(role)
    feed(
        call,
        ev.RenewRequested(),
        ev.DescriptionReady(1, "o"),
        ev.AnswerReceived(CALLER, PARTY, 1, "answer"),
    )
    told = feed(call, ev.PeerFailed(first, "ice_failed", "no path"))
    assert told[0] == ev.ErrorRaised("ice_failed", "no path")
    assert call.state is State.CONNECTING
    feed(call, ev.PeerConnected(1 - first))
    assert (call.state, call.current_generation) == (State.ESTABLISHED, 1 - first)


def test_renewals_are_counted() -> None:
    call = established()
    limit = call.timing.max_renewals
    assert call.handle(ev.OfferReceived(CALLER, PARTY, limit + 1, "offer"), 101.0).refused
    feed(
        call,
        ev.OfferReceived(CALLER, PARTY, limit, "offer"),
        ev.DescriptionReady(limit, "a"),
        ev.PeerConnected(limit),
    )
    assert call.handle(ev.RenewRequested(), 101.0).refused
