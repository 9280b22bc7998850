"""From the answer on, by example: media, failures, and a connection with nobody behind it."""

from __future__ import annotations

import pytest

from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Side
from tests.core.call.calls import CALLER, PARTY, candidate, connecting, established, feed, outgoing


def test_answered_media_that_was_promised_has_its_time() -> None:
    call = outgoing(CALLER)
    promising = ev.ResponseReceived(CALLER, PARTY, CallStatus.ACCEPTED, sdp="a", sends_media=True)
    feed(call, ev.DescriptionReady(0, "offer"), promising, ev.PeerConnected(0), now=100.0)
    assert call.next_deadline() == 100.0 + call.timing.media
    effects = feed(call, ev.DeadlineReached(), now=100.0 + call.timing.media)
    assert effects[-1] == ev.Closed(CloseReason.MEDIA_TIMEOUT, Side.LOCAL)


def test_answered_remote_peer_that_only_answers_checks_ends_the_call() -> None:
    call = established(now=50.0)
    assert feed(call, ev.RtcpTimedOut(0, 30.0), now=100.0) == [
        ev.SendClose(CALLER, CloseReason.MEDIA_TIMEOUT),
        ev.ClosePeer(0),
        ev.Closed(CloseReason.MEDIA_TIMEOUT, Side.LOCAL),
    ]


def test_answered_who_speaks_by_way_of_the_broker_is_there() -> None:
    call = established(now=50.0)
    feed(call, ev.CandidateReceived(CALLER, PARTY, candidate()), now=80.0)
    assert call.handle(ev.RtcpTimedOut(0, 30.0), 100.0).refused
    assert call.state is State.ESTABLISHED
    assert feed(call, ev.RtcpTimedOut(0, 30.0), now=130.0)[-1] == ev.Closed(
        CloseReason.MEDIA_TIMEOUT, Side.LOCAL
    )


def test_answered_only_the_transport_that_carries_the_media_counts() -> None:
    call = established()
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"))
    assert call.handle(ev.RtcpTimedOut(1, 30.0), 200.0).refused


@pytest.mark.parametrize("role", ["incoming", "outgoing"])
def test_answered_first_transport_that_fails_is_renewed_once(role: str) -> None:
    call = connecting(role)
    failed = ev.PeerFailed(0, "ice_failed", "no path")
    assert feed(call, failed, now=104.0) == [
        ev.ErrorRaised("ice_failed", "no path"),
        ev.CreateOffer(1, ev.MediaGrant()),
    ]
    assert call.next_deadline() == 101.0 + call.timing.setup
    feed(call, ev.DescriptionReady(1, "o"), ev.AnswerReceived(CALLER, PARTY, 1, "answer"))
    assert feed(call, ev.PeerConnected(1))[-1] == ev.Connected()
    assert call.state is State.ESTABLISHED


@pytest.mark.parametrize("role", ["incoming", "outgoing"])
def test_answered_renewal_that_fails_as_the_first_transport_did_ends_the_call(role: str) -> None:
    call = connecting(role)
    feed(call, ev.PeerFailed(0, "ice_failed", "no path"))
    effects = feed(call, ev.PeerFailed(1, "dtls_failed", "no"))
    assert effects[:2] == [
        ev.ErrorRaised("dtls_failed", "no"),
        ev.SendClose(CALLER, CloseReason.ICE_FAILED),
    ]
    assert effects[-1] == ev.Closed(CloseReason.ICE_FAILED, Side.LOCAL)


@pytest.mark.parametrize("role", ["incoming", "outgoing"])
@pytest.mark.parametrize(
    "reason", [CloseReason.REJECTED, CloseReason.NO_USER_MEDIA, CloseReason.UNKNOWN_REASON]
)
def test_answered_description_that_cannot_be_used_is_not_renewed(
    role: str, reason: CloseReason
) -> None:
    call = connecting(role)
    effects = feed(call, ev.PeerFailed(0, "unusable_sdp", "no", reason))
    assert effects[-1] == ev.Closed(reason, Side.LOCAL)


def test_answered_transport_without_an_address_is_not_renewed() -> None:
    effects = feed(connecting("incoming"), ev.PeerFailed(0, "no_candidates", "no server answers"))
    assert effects[-1] == ev.Closed(CloseReason.ICE_FAILED, Side.LOCAL)
