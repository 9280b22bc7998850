"""Nothing arrives any more: what is tried, for how long, and how it ends (`renewing.py`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.call import events as ev
from agent.core.call.base_call import Call
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.reasons import CloseReason, Side
from tests.core.call.calls import CALLER, PARTY, TIMING, established, feed

GRANT = ev.MediaGrant()
SILENT = ev.PeerSilent(0, 3.0)
END = ev.Closed(CloseReason.ICE_TIMEOUT, Side.LOCAL)


def silent(now: float = 103.0) -> IncomingCall:
    """A call whose last packet came three seconds before `now`."""
    call = established(now=50.0)
    feed(call, SILENT, now=now)
    return call


def lost() -> IncomingCall:
    """A call whose last packet came at 100.0, `Timing.lost` ago."""
    call = silent()
    while call.state is State.SILENT:
        due(call)
    return call


def due(call: Call) -> tuple[float, list[ev.Effect]]:
    """The next deadline, and what it brings."""
    at = call.next_deadline()
    assert at is not None
    return at, call.handle(ev.DeadlineReached(), at).effects


def run_out(call: Call) -> tuple[float, list[ev.Effect]]:
    """Every deadline up to the end: when that was, and the last effects."""
    for _ in range(40):
        at, effects = due(call)
        if call.state is State.CLOSED:
            return at, effects
    raise AssertionError("it never ends")


def test_silence_makes_a_fresh_transport_and_keeps_the_old_one() -> None:
    call = established()
    assert feed(call, SILENT, now=110.0) == [ev.Degraded("silence"), ev.CreateOffer(1, GRANT)]
    assert call.state is State.SILENT
    assert call.media_runs


def test_silence_old_transport_comes_back() -> None:
    call = silent()
    assert feed(call, ev.PeerHeard(0)) == [ev.Restored(0)]
    assert (call.state, call.current_generation, call.reconnects) == (State.ESTABLISHED, 0, 0)
    # The fresh one goes on, and goes quietly if it comes to nothing.
    assert due(call) == (103.0 + TIMING.renewal, [ev.ClosePeer(1)])
    assert call.next_deadline() is None


def test_silence_fresh_transport_is_the_first_to_work() -> None:
    call = silent()
    feed(call, ev.DescriptionReady(1, "offer"), ev.AnswerReceived(CALLER, PARTY, 1, "answer"))
    assert feed(call, ev.PeerConnected(1)) == [ev.StartMedia(1), ev.ClosePeer(0), ev.Restored(1)]
    assert (call.state, call.current_generation, call.reconnects) == (State.ESTABLISHED, 1, 1)
    assert call.next_deadline() is None


def test_silence_old_transport_comes_back_and_the_fresh_one_takes_over() -> None:
    call = silent()
    feed(call, ev.PeerHeard(0))
    assert feed(call, ev.PeerConnected(1)) == [ev.StartMedia(1), ev.ClosePeer(0)]


def test_silence_while_a_transport_is_in_the_making_makes_no_second_one() -> None:
    call = established()
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"))
    assert feed(call, SILENT) == [ev.Degraded("silence")]


def test_silence_offer_that_comes_to_nothing_is_made_again() -> None:
    call = silent()
    assert due(call) == (103.0 + TIMING.retry, [ev.ClosePeer(1), ev.CreateOffer(2, GRANT)])


def test_silence_fresh_transport_that_fails_is_followed_by_another_in_its_time() -> None:
    call = silent()
    feed(call, ev.PeerFailed(1, "ice_failed", "no"), now=104.0)
    assert due(call) == (103.0 + TIMING.retry, [ev.CreateOffer(2, GRANT)])


def test_silence_offer_that_is_answered_is_left_its_time() -> None:
    call = silent()
    feed(call, ev.DescriptionReady(1, "offer"), now=103.5)
    feed(call, ev.AnswerReceived(CALLER, PARTY, 1, "answer"), now=104.0)
    assert due(call) == (100.0 + TIMING.lost, [ev.PauseMedia(0)])
    assert due(call) == (103.0 + TIMING.renewal, [ev.ClosePeer(1), ev.CreateOffer(2, GRANT)])


@pytest.mark.parametrize(("failed", "next_"), [(105.0, 103.0 + TIMING.retry), (110.0, 110.0)])
def test_silence_offer_that_is_answered_and_fails_is_followed_at_once_or_in_its_time(
    failed: float, next_: float
) -> None:
    call = silent()
    feed(call, ev.DescriptionReady(1, "offer"), now=103.5)
    feed(call, ev.AnswerReceived(CALLER, PARTY, 1, "answer"), now=104.0)
    if failed > 100.0 + TIMING.lost:
        assert due(call) == (100.0 + TIMING.lost, [ev.PauseMedia(0)])
    feed(call, ev.PeerFailed(1, "ice_failed", "no"), now=failed)
    assert due(call) == (next_, [ev.CreateOffer(2, GRANT)])


def test_silence_remote_peers_offer_is_left_its_time() -> None:
    """And ours, which lost the collision, is not made again meanwhile."""
    call = silent()
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"), now=104.0)
    assert due(call) == (100.0 + TIMING.lost, [ev.PauseMedia(0)])
    assert due(call) == (104.0 + TIMING.renewal, [ev.ClosePeer(1), ev.CreateOffer(2, GRANT)])
    call = silent()
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"), now=104.0)
    feed(call, ev.PeerFailed(1, "ice_failed", "no"), now=105.0)
    assert due(call)[0] == 100.0 + TIMING.lost
    assert due(call) == (105.0 + TIMING.retry, [ev.CreateOffer(2, GRANT)])


def test_silence_of_some_seconds_loses_the_call_and_does_not_end_it() -> None:
    call = silent()
    assert due(call)[0] == 103.0 + TIMING.retry
    assert due(call) == (100.0 + TIMING.lost, [ev.PauseMedia(0)])
    assert call.state is State.LOST
    assert not call.media_runs
    assert call.accepted


def test_silence_lost_call_lives_again_by_a_packet() -> None:
    call = lost()
    assert feed(call, ev.PeerHeard(0), now=120.0) == [ev.ResumeMedia(0), ev.Restored(0)]
    assert call.state is State.ESTABLISHED
    assert call.media_runs


def test_silence_lost_call_lives_again_by_a_fresh_transport_after_consent() -> None:
    call = lost()
    assert feed(call, ev.PeerLost(0, "consent"), now=130.0) == []
    assert call.state is State.LOST
    feed(call, ev.OfferReceived(CALLER, PARTY, 9, "offer"), now=144.0)
    assert feed(call, ev.PeerConnected(9), now=144.9) == [
        ev.StartMedia(9),
        ev.ClosePeer(0),
        ev.Restored(9),
    ]
    assert (call.state, call.reconnects) == (State.ESTABLISHED, 1)


def test_silence_lost_call_is_renewed_every_retry_until_it_is_over() -> None:
    call, offers = lost(), []
    while call.state is State.LOST:
        at, effects = due(call)
        offers += [at for each in effects if isinstance(each, ev.CreateOffer)]
    assert offers == [108.0 + TIMING.retry * number for number in range(1, 8)]
    assert at == 100.0 + TIMING.hold
    assert effects[0] == ev.SendClose(CALLER, CloseReason.ICE_TIMEOUT)
    assert effects.count(END) == 1


def test_silence_lost_call_that_the_remote_peer_closes_has_its_two_seconds() -> None:
    call = lost()
    feed(call, ev.PeerLost(0, closed=True), now=110.0)
    assert due(call)[0] == 110.0 + TIMING.goodbye
    assert call.closed == ev.Closed(CloseReason.USER_HANGUP, Side.REMOTE)


def test_silence_lost_call_gives_way() -> None:
    assert feed(lost(), ev.CloseRequested(CloseReason.REPLACED), now=120.0)[-1] == ev.Closed(
        CloseReason.REPLACED, Side.LOCAL
    )


def test_silence_that_comes_again_loses_the_call_again() -> None:
    call = lost()
    feed(call, ev.PeerHeard(0), now=110.0)
    feed(call, SILENT, now=123.0)
    assert call.state is State.SILENT
    assert call.liveness.lose_at(TIMING) == 120.0 + TIMING.lost


def test_silence_word_keeps_the_place_no_longer() -> None:
    call = silent()
    feed(
        call,
        ev.DescriptionReady(1, "offer"),
        ev.AnswerReceived(CALLER, PARTY, 1, "answer"),
        now=104.0,
    )
    at, effects = run_out(call)
    assert at == 100.0 + TIMING.hold
    assert effects[-1] == END


def test_silence_speaking_for_ever_keeps_no_call() -> None:
    call = silent()
    at = 103.0
    while call.state is not State.CLOSED:
        generation = call.renewals.newest
        at, _ = due(call)
        call.handle(ev.DescriptionReady(generation + 1, "offer"), at)
        call.handle(ev.AnswerReceived(CALLER, PARTY, generation + 1, "answer"), at)
    assert at == 100.0 + TIMING.hold
    assert call.renewals.newest <= 2 + TIMING.hold / TIMING.retry


def test_silence_transport_that_is_gone_is_renewed_too() -> None:
    call = established()
    assert feed(call, ev.PeerLost(0, "consent"), now=110.0) == [
        ev.Degraded("lost"),
        ev.CreateOffer(1, GRANT),
    ]
    assert run_out(call)[0] == 110.0 + TIMING.hold


def test_silence_transport_that_falls_silent_and_then_goes_is_told_of_once() -> None:
    call = silent()
    assert feed(call, ev.PeerLost(0), now=104.0) == []
    assert run_out(call)[0] == 100.0 + TIMING.hold


def test_silence_closing_the_transport_is_a_last_word() -> None:
    call = established()
    assert feed(call, ev.PeerLost(0, closed=True), now=110.0) == []
    assert due(call) == (
        110.0 + TIMING.goodbye,
        [
            ev.SendClose(CALLER, CloseReason.USER_HANGUP),
            ev.ClosePeer(0),
            ev.Closed(CloseReason.USER_HANGUP, Side.REMOTE),
        ],
    )


def test_silence_close_that_follows_says_more() -> None:
    call = established()
    feed(call, ev.PeerLost(0, closed=True))
    effects = feed(call, ev.CloseReceived(CALLER, PARTY, CloseReason.LOW_POWER))
    assert effects[-1] == ev.Closed(CloseReason.LOW_POWER, Side.REMOTE)


def test_silence_offer_that_follows_keeps_the_call() -> None:
    """The remote peer moved, and did not wait for us."""
    call = established()
    feed(call, ev.PeerLost(0, closed=True), now=110.0)
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "offer"), now=111.0)
    assert feed(call, ev.PeerConnected(1), now=113.0) == [ev.StartMedia(1), ev.ClosePeer(0)]
    assert (call.state, call.next_deadline()) == (State.ESTABLISHED, None)


def test_silence_our_own_change_of_network_costs_no_offer_that_follows() -> None:
    call = established()
    feed(call, ev.PeerLost(0, closed=True), now=110.0)
    feed(call, ev.OfferReceived(CALLER, PARTY, 1, "theirs"), now=111.0)
    assert call.handle(ev.RenewRequested(), 111.5).refused
    feed(call, ev.DescriptionReady(1, "ours"), ev.PeerConnected(1), now=113.0)
    assert call.state is State.ESTABLISHED


def test_silence_offer_that_nobody_answered_keeps_no_call_that_was_left() -> None:
    call = silent()
    feed(call, ev.PeerLost(0, closed=True), now=104.0)
    at, effects = run_out(call)
    assert at == 104.0 + TIMING.goodbye
    assert effects[-1] == ev.Closed(CloseReason.USER_HANGUP, Side.REMOTE)


def test_silence_longest_duration_holds_in_silence_too() -> None:
    call = established(now=100.0, grant=ev.MediaGrant(max_duration=6.0))
    feed(call, SILENT, now=104.0)
    at, effects = run_out(call)
    assert (at, effects[-1]) == (106.0, ev.Closed(CloseReason.MAX_DURATION, Side.LOCAL))


def test_silence_without_renewals_left_the_old_transport_still_counts() -> None:
    call = established(now=100.0)
    call.timing = replace(TIMING, max_renewals=0)
    assert feed(call, SILENT, now=103.0) == [ev.Degraded("silence")]
    assert call.next_deadline() == 100.0 + TIMING.lost
    assert feed(call, ev.PeerHeard(0), now=104.0) == [ev.Restored(0)]
