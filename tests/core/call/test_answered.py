"""From the answer on, by example: media, failures, and a connection with nobody behind it."""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Side
from tests.core.call.calls import CALLER, PARTY, candidate, established, feed, outgoing


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
