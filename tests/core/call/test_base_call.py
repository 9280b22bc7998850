"""What every state of a call has: its deadlines, and its one end."""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.reasons import CloseReason, Side
from tests.core.call.calls import CALLER, PARTY, TIMING, established, feed


def test_call_next_deadline_is_the_earliest() -> None:
    call = established(now=100.0, grant=ev.MediaGrant(max_duration=60.0))
    assert call.next_deadline() == 160.0
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"), now=110.0)
    assert call.next_deadline() == 110.0 + TIMING.renewal
    feed(call, ev.PeerSilent(0, 3.0), now=112.0)
    assert call.next_deadline() == call.liveness.lose_at(TIMING) == 109.0 + TIMING.lost
    assert call.give_up_at() == 109.0 + TIMING.hold


def test_call_end_closes_every_transport_and_waits_for_nothing() -> None:
    call = established(grant=ev.MediaGrant(max_duration=60.0))
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"))
    tell: list[ev.Effect] = [ev.ErrorRaised("a", "b")]
    call.state, effects = call.end(120.0, CloseReason.UNKNOWN_REASON, Side.LOCAL, tell)
    closed = ev.Closed(CloseReason.UNKNOWN_REASON, Side.LOCAL)
    assert effects == [*tell, ev.ClosePeer(0), ev.ClosePeer(1), closed]
    assert (call.state, call.closed, call.marks.ended) == (State.CLOSED, closed, 120.0)
    assert call.next_deadline() is None


def test_call_remote_uid_is_who_was_proved() -> None:
    call = established()
    assert (call.remote_uid, call.remote.party) == (CALLER, PARTY)
