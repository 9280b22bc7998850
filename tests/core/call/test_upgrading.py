"""The rows by which a view becomes a talk; the scenarios say the rest."""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.reasons import AudioDirection, Purpose
from tests.core.call.calls import CALLER, OWN, PARTY, TIMING, established, feed, invitation

OFFER = ev.OfferReceived(CALLER, PARTY, 1, "with sound", sends_sound=True)


def viewed(grant: ev.MediaGrant, *, one_transport: bool = False) -> IncomingCall:
    invited = invitation(purpose=Purpose.VIEW, one_transport=one_transport)
    call = IncomingCall(invited, OWN, TIMING, 100.0)
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


def test_upgrading_by_a_person_here_needs_no_transport() -> None:
    call = viewed(ev.MediaGrant(max_duration=60.0))
    granted = ev.MediaGrant(max_duration=30.0)
    assert feed(call, ev.TakeRequested(granted, "family"), now=120.0) == [ev.TalkStarted("family")]
    assert (call.looks, call.grant, call.deadline) == (False, granted, 150.0)
    # what sends sound is an ordinary renewal from now on
    [effect] = feed(call, OFFER, now=121.0)
    assert effect == ev.CreateAnswer(1, "with sound", granted)
    assert call.handle(ev.TakeRequested(granted), 122.0).refused is not None


def test_upgrading_answer_to_no_question_is_refused() -> None:
    for call in (established(), viewed(ev.MediaGrant())):
        talks = call.viewing.purpose is Purpose.TALK
        outcome = call.handle(ev.TalkDenied(1, "busy", "no line is free"), 101.0)
        assert (outcome.refused is not None) == talks
    assert established().handle(ev.TalkAllowed(1, "sdp"), 101.0).refused is not None


def test_upgrading_over_the_same_transport_lasts_as_long_as_its_sound_and_no_longer_in_all() -> (
    None
):
    call = viewed(ev.MediaGrant(max_duration=60.0), one_transport=True)
    assert (call.grant.receives, call.grant.listens) == (False, True)
    granted = ev.MediaGrant(max_duration=60.0)
    for at in (110.0, 130.0):
        feed(call, ev.TakeRequested(granted, "nvr"), now=at)
        assert (call.looks, call.deadline) == (False, 160.0)
        assert feed(call, ev.ViewRequested(), now=at + 5) == []
        assert (call.looks, call.grant.receives) == (True, False)


def test_upgrading_one_that_talked_from_the_start_never_only_looks() -> None:
    for call in (established(), viewed(ev.MediaGrant())):
        call.handle(ev.TakeRequested(), 110.0)
        assert call.handle(ev.ViewRequested(), 111.0).refused is not None
