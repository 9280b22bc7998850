"""The rows by which a view becomes a talk; the scenarios say the rest."""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.reasons import AudioDirection, Purpose
from tests.core.call.calls import CALLER, OWN, PARTY, TIMING, established, feed, invitation

OFFER = ev.OfferReceived(CALLER, PARTY, 1, "with sound", sends_sound=True)


def viewed(grant: ev.MediaGrant) -> IncomingCall:
    call = IncomingCall(invitation(purpose=Purpose.VIEW), OWN, TIMING, 100.0)
    call.start(100.0)
    accept = ev.AcceptRequested(grant)
    feed(call, accept, ev.DescriptionReady(0, "answer"), ev.PeerConnected(0), now=100.0)
    return call


def test_upgrading_offer_with_sound_in_a_talk_is_a_renewal() -> None:
    call = established()
    [effect] = feed(call, OFFER)
    assert isinstance(effect, ev.CreateAnswer)


def test_upgrading_offer_with_sound_in_a_view_is_judged_first() -> None:
    call = viewed(ev.MediaGrant(audio=AudioDirection.SEND))
    assert feed(call, OFFER) == [ev.ScreenTalk(1, "with sound")]
    assert call.looks
    granted = ev.MediaGrant(max_duration=30.0)
    assert feed(call, ev.TalkAllowed(1, "with sound", granted)) == [
        ev.CreateAnswer(1, "with sound", granted)
    ]
    assert not call.looks


def test_upgrading_answer_to_no_question_is_refused() -> None:
    for call in (established(), viewed(ev.MediaGrant())):
        talks = call.viewing.purpose is Purpose.TALK
        outcome = call.handle(ev.TalkDenied(1, "busy", "no line is free"), 101.0)
        assert (outcome.refused is not None) == talks
    assert established().handle(ev.TalkAllowed(1, "sdp"), 101.0).refused is not None
