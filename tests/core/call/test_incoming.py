"""The invited side, by example."""

from __future__ import annotations

import pytest

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Side
from tests.core.call.calls import (
    CALLER,
    OWN,
    PARTY,
    TIMING,
    candidate,
    established,
    feed,
    incoming,
    invitation,
)


def test_incoming_accepted_invitation_answers_before_media_starts() -> None:
    call = incoming()
    assert feed(call, ev.AcceptRequested(rule="family")) == [
        ev.CreateAnswer(0, "the offer", ev.MediaGrant())
    ]
    assert not call.media_runs
    effects = feed(call, ev.DescriptionReady(0, "the answer"))
    assert effects == [
        ev.SendResponse(CallStatus.ACCEPTED, sdp="the answer"),
        ev.InvitationAnswered(CallStatus.ACCEPTED, rule="family"),
        ev.StartMedia(0),
    ]
    assert call.state is State.CONNECTING


def test_incoming_early_candidates_follow_the_offer_into_the_transport() -> None:
    call = incoming()
    feed(
        call,
        ev.CandidateReceived(CALLER, PARTY, candidate(1)),
        ev.CandidateReceived(CALLER, PARTY, None),
    )
    effects = feed(call, ev.AcceptRequested())
    assert effects[1:] == [ev.AddCandidate(0, candidate(1)), ev.AddCandidate(0, None)]


def test_incoming_own_candidates_never_overtake_the_answer() -> None:
    call = incoming()
    feed(call, ev.AcceptRequested())
    assert feed(call, ev.CandidateFound(0, candidate(7))) == []
    effects = feed(call, ev.DescriptionReady(0, "the answer"))
    assert effects.index(ev.SendCandidate(CALLER, candidate(7))) > effects.index(
        ev.SendResponse(CallStatus.ACCEPTED, sdp="the answer")
    )


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        (
            ev.RejectRequested(CallStatus.REJECTED, "not_allowed"),
            CallStatus.REJECTED,
            CloseReason.REJECTED,
        ),
        (ev.RejectRequested(CallStatus.BUSY, "busy"), CallStatus.BUSY, CloseReason.USER_BUSY),
        (
            ev.RejectRequested(CallStatus.TIMEOUT, "expired"),
            CallStatus.TIMEOUT,
            CloseReason.INVITE_TIMEOUT,
        ),
    ],
)
def test_incoming_refusal_is_answered_and_closes(
    request_: ev.RejectRequested, status: CallStatus, reason: CloseReason
) -> None:
    call = incoming()
    effects = feed(call, request_)
    assert effects == [
        ev.SendResponse(status, request_.reason),
        ev.InvitationAnswered(status, request_.reason),
        ev.Closed(reason, Side.LOCAL),
    ]


def test_incoming_rejection_cannot_say_accepted() -> None:
    call = incoming()
    assert call.handle(ev.RejectRequested(CallStatus.ACCEPTED), 101.0).refused
    assert call.state is State.INVITED


def test_incoming_unanswered_ring_times_out_when_the_invitation_does() -> None:
    call = incoming(now=100.0, lifetime=20.0, age=1.0)
    assert feed(call, ev.RingRequested(), now=105.0) == [ev.SendRinging(15.0)]
    assert call.next_deadline() == 120.0
    assert call.handle(ev.DeadlineReached(), 119.9).refused
    effects = feed(call, ev.DeadlineReached(), now=120.0)
    assert effects[0] == ev.SendResponse(CallStatus.TIMEOUT, "no_answer")
    assert effects[-1] == ev.Closed(CloseReason.INVITE_TIMEOUT, Side.LOCAL)


@pytest.mark.parametrize(
    ("age", "expired", "left"),
    [
        (0.0, False, 30.0),
        (-5.0, False, 30.0),
        # of a time to come
        (-5.1, True, 30.0),
        (-3e11, True, 30.0),
        (30.0, False, 5.0),
        (34.9, False, 0.1),
        (35.1, True, -0.1),
    ],
)
def test_incoming_age_of_an_invitation(age: float, expired: bool, left: float) -> None:
    call = IncomingCall(invitation(age=age), OWN, TIMING, 100.0)
    assert call.expired is expired
    assert call.next_deadline() == pytest.approx(100.0 + left)


def test_incoming_age_is_not_judged_while_our_clock_is_implausible() -> None:
    assert not incoming(age=None).expired


def test_incoming_ring_that_is_to_be_short_times_out_before_its_invitation() -> None:
    call = IncomingCall(invitation(), OWN, TIMING, 0.0)
    outcome = call.handle(ev.RingRequested("ask", longest=10.0), 1.0)
    assert outcome.effects == [ev.SendRinging(10.0)]
    assert call.next_deadline() == 11.0
    call.handle(ev.DeadlineReached(), 11.0)
    assert call.state is State.CLOSED


def test_incoming_withdrawn_invitation_is_cancelled() -> None:
    call = incoming()
    feed(call, ev.RingRequested())
    effects = feed(call, ev.CloseReceived(CALLER, PARTY, CloseReason.USER_HANGUP))
    assert effects == [ev.Closed(CloseReason.CANCELLED, Side.REMOTE)]


def test_incoming_another_client_of_our_uid_was_selected() -> None:
    call = incoming()
    feed(call, ev.RingRequested(), ev.SelectReceived(CALLER, PARTY, OWN))
    effects = feed(call, ev.SelectReceived(CALLER, PARTY, "the-phone"))
    assert effects == [ev.Closed(CloseReason.ANSWERED_ELSEWHERE, Side.REMOTE)]


def test_incoming_only_the_inviter_can_select() -> None:
    """Every target of a call to several knows its id and the inviter's party; the broker proves who
    speaks.
    """
    call = incoming()
    feed(call, ev.RingRequested())
    assert call.handle(ev.SelectReceived("another-target", PARTY, "the-phone"), 101.0).refused
    assert call.handle(ev.SelectReceived(CALLER, "another-client", "the-phone"), 101.0).refused
    assert call.state is State.RINGING


def test_incoming_camera_that_is_missing_refuses_with_its_reason() -> None:
    call = incoming()
    feed(call, ev.AcceptRequested())
    effects = feed(call, ev.PeerFailed(0, "no_user_media", "no camera", CloseReason.NO_USER_MEDIA))
    assert effects == [
        ev.ErrorRaised("no_user_media", "no camera"),
        ev.SendResponse(CallStatus.REJECTED, "no_user_media"),
        ev.InvitationAnswered(CallStatus.REJECTED, "no_user_media"),
        ev.ClosePeer(0),
        ev.Closed(CloseReason.NO_USER_MEDIA, Side.LOCAL),
    ]


def test_incoming_repeated_invitation_gets_the_same_answer() -> None:
    call = incoming()
    assert call.repeat() == []
    feed(call, ev.AcceptRequested(), ev.DescriptionReady(0, "the answer"))
    assert call.repeat() == [ev.SendResponse(CallStatus.ACCEPTED, sdp="the answer")]


def test_incoming_longest_duration_counts_from_the_connection() -> None:
    call = incoming(now=100.0)
    feed(
        call,
        ev.AcceptRequested(ev.MediaGrant(max_duration=60)),
        ev.DescriptionReady(0, "a"),
        now=100.0,
    )
    feed(call, ev.PeerConnected(0), now=103.0)
    assert call.next_deadline() == 163.0
    effects = feed(call, ev.DeadlineReached(), now=163.0)
    assert effects[0] == ev.SendClose(CALLER, CloseReason.MAX_DURATION)
    assert effects[-1] == ev.Closed(CloseReason.MAX_DURATION, Side.LOCAL)


def test_incoming_transport_that_never_connects_fails() -> None:
    call = incoming(now=100.0)
    feed(call, ev.AcceptRequested(), ev.DescriptionReady(0, "a"), now=100.0)
    effects = feed(call, ev.DeadlineReached(), now=115.0)
    assert effects == [
        ev.ExplainPeer(0),
        ev.SendClose(CALLER, CloseReason.ICE_FAILED),
        ev.ClosePeer(0),
        ev.Closed(CloseReason.ICE_FAILED, Side.LOCAL),
    ]


def test_incoming_shutdown_while_ringing_answers_the_caller() -> None:
    call = incoming()
    feed(call, ev.RingRequested())
    effects = feed(call, ev.CloseRequested(CloseReason.SHUTDOWN))
    assert effects[0] == ev.SendResponse(CallStatus.REJECTED, "shutdown")
    assert effects[-1] == ev.Closed(CloseReason.SHUTDOWN, Side.LOCAL)


def test_incoming_nobody_else_can_speak_in_this_conversation() -> None:
    call = established()
    for uid, party in (("mallory", PARTY), (CALLER, "another-client")):
        for event in (
            ev.CloseReceived(uid, party, CloseReason.USER_HANGUP),
            ev.CandidateReceived(uid, party, None),
            ev.OfferReceived(uid, party, 1, "an offer"),
            ev.ErrorReceived(uid, party, "code", "message"),
        ):
            assert call.handle(event, 101.0).refused
    assert call.state is State.ESTABLISHED


def test_incoming_stream_received_names_each_kind_once() -> None:
    call = established()
    assert feed(call, ev.TrackReceived(0, "audio", "opus")) == [
        ev.StreamReceived((("audio", "opus"),))
    ]
    assert feed(call, ev.TrackReceived(0, "video", "H264")) == [
        ev.StreamReceived((("audio", "opus"), ("video", "H264")))
    ]
    assert call.handle(ev.TrackReceived(0, "video", "H264"), 101.0).refused


def test_incoming_more_candidates_than_allowed_are_refused() -> None:
    call = established()
    for number in range(call.timing.max_candidates):
        feed(call, ev.CandidateReceived(CALLER, PARTY, candidate(number)))
        # those of TCP come beside them, from every browser
        unusable = ev.CandidateReceived(CALLER, PARTY, candidate(number), usable=False)
        assert call.handle(unusable, 101.0).refused
    assert call.handle(ev.CandidateReceived(CALLER, PARTY, candidate(99)), 101.0).refused
