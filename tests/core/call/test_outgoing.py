"""The inviting side, by example: one target, several at once, several in turn."""

from __future__ import annotations

import pytest

from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallMode, CallStatus, CloseReason, Side
from tests.core.call.calls import CALLER, TIMING, candidate, feed, outgoing


def inviting(*targets: str, mode: CallMode = CallMode.PARALLEL) -> OutgoingCall:
    call = outgoing(*targets, mode=mode)
    feed(call, ev.DescriptionReady(0, "the offer"), now=100.0)
    return call


def accepted(uid: str, party: str = "p") -> ev.ResponseReceived:
    return ev.ResponseReceived(uid, party, CallStatus.ACCEPTED, sdp=f"answer of {uid}")


def refused(
    uid: str, status: CallStatus = CallStatus.REJECTED, party: str = "p"
) -> ev.ResponseReceived:
    return ev.ResponseReceived(uid, party, status, reason="no")


def test_outgoing_offer_is_made_before_anyone_is_invited() -> None:
    call = outgoing("a")
    effects = feed(call, ev.DescriptionReady(0, "the offer"))
    assert effects == [ev.SendInvite("a", "the offer", 30.0, None)]


def test_outgoing_first_accepted_wins_and_nobody_is_left_ringing() -> None:
    call = inviting("a", "b", "c")
    effects = feed(call, accepted("b", "phone"))
    assert effects == [
        ev.SendSelect("b", "phone"),
        ev.SendClose("a", CloseReason.ANSWERED_ELSEWHERE, "b"),
        ev.SendClose("c", CloseReason.ANSWERED_ELSEWHERE, "b"),
        ev.ApplyAnswer(0, "answer of b"),
        ev.InvitationAnswered(CallStatus.ACCEPTED),
        ev.StartMedia(0),
    ]
    assert call.remote_uid == "b"


def test_outgoing_second_accepted_is_sent_away() -> None:
    call = inviting("a", "b")
    feed(call, accepted("b", "phone"))
    assert feed(call, accepted("a")) == [ev.SendClose("a", CloseReason.ANSWERED_ELSEWHERE, "b")]
    # The other client of the selected uid hears `select` again: a `close` would reach the selected
    # one as well.
    assert feed(call, accepted("b", "tablet")) == [ev.SendSelect("b", "phone")]
    assert call.handle(accepted("b", "phone"), 101.0).refused


def test_outgoing_all_refuse() -> None:
    call = inviting("a", "b")
    assert feed(call, refused("a")) == []
    effects = feed(call, refused("b", CallStatus.BUSY))
    assert effects == [
        ev.InvitationAnswered(CallStatus.BUSY, "no"),
        ev.ClosePeer(0),
        ev.Closed(CloseReason.USER_BUSY, Side.REMOTE),
    ]


def test_outgoing_in_turn_the_next_is_invited_when_one_is_out() -> None:
    call = inviting("a", "b", mode=CallMode.SEQUENTIAL)
    assert feed(call, refused("a"), now=110.0) == [ev.SendInvite("b", "the offer", 30.0, None)]
    assert call.next_deadline() == 140.0
    effects = feed(call, ev.DeadlineReached(), now=140.0)
    assert effects[0] == ev.SendClose("b", CloseReason.INVITE_TIMEOUT)
    assert effects[1] == ev.InvitationAnswered(CallStatus.TIMEOUT, "no_answer")


def test_outgoing_target_that_was_not_invited_yet_cannot_answer() -> None:
    call = inviting("a", "b", mode=CallMode.SEQUENTIAL)
    assert call.handle(accepted("b"), 101.0).refused
    assert call.state is State.INVITING


def test_outgoing_busy_browser_does_not_stop_the_phone_that_rings() -> None:
    call = inviting("a")
    feed(call, ev.RingingReceived("a", "phone", 30.0))
    assert feed(call, refused("a", CallStatus.BUSY, party="browser")) == []
    effects = feed(call, accepted("a", "phone"))
    assert ev.StartMedia(0) in effects


def test_outgoing_cancel_withdraws_every_open_invitation() -> None:
    call = inviting("a", "b")
    feed(call, refused("a"))
    effects = feed(call, ev.CloseRequested())
    assert effects == [
        ev.SendClose("b", CloseReason.CANCELLED),
        ev.ClosePeer(0),
        ev.Closed(CloseReason.CANCELLED, Side.LOCAL),
    ]


def test_outgoing_candidates_reach_everyone_invited_later_too() -> None:
    call = inviting("a", "b", mode=CallMode.SEQUENTIAL)
    assert feed(call, ev.CandidateFound(0, candidate(3))) == [ev.SendCandidate("a", candidate(3))]
    effects = feed(call, refused("a"))
    assert ev.SendCandidate("b", candidate(3)) in effects


def test_outgoing_candidates_that_came_before_the_answer_are_used_if_theirs_wins() -> None:
    call = inviting("a", "b")
    feed(
        call,
        ev.CandidateReceived("a", "p", candidate(1)),
        ev.CandidateReceived("b", "p", candidate(2)),
    )
    effects = feed(call, accepted("b"))
    assert [effect for effect in effects if isinstance(effect, ev.AddCandidate)] == [
        ev.AddCandidate(0, candidate(2))
    ]


def test_outgoing_error_in_reply_to_the_invitation_is_an_answer() -> None:
    call = inviting("a")
    effects = feed(call, ev.ErrorReceived("a", "p", "invalid", "invite.sdp: is required"))
    assert effects[0] == ev.ErrorRaised("invalid", "invite.sdp: is required")
    assert effects[-1] == ev.Closed(CloseReason.REJECTED, Side.REMOTE)


def test_outgoing_error_about_another_message_leaves_nobody_ringing() -> None:
    call = inviting("a", "b")
    feed(call, ev.RingingReceived("a", "p", 30.0))
    effects = feed(call, ev.ErrorReceived("a", "p", "invalid", "candidate: must be an object"))
    assert ev.SendClose("a", CloseReason.CANCELLED) in effects
    assert call.state is State.INVITING


def test_outgoing_who_rings_after_another_client_of_theirs_has_answered_is_sent_away() -> None:
    call = inviting("a", "b")
    feed(call, refused("a", party="browser"))
    assert feed(call, ev.RingingReceived("a", "phone", 30.0)) == [
        ev.SendClose("a", CloseReason.ANSWERED_ELSEWHERE)
    ]
    feed(call, accepted("b", "phone"))
    assert feed(call, ev.RingingReceived("a", "tablet", 30.0)) == [
        ev.SendClose("a", CloseReason.ANSWERED_ELSEWHERE, "b")
    ]
    assert feed(call, ev.RingingReceived("b", "tablet", 30.0)) == [ev.SendSelect("b", "phone")]
    assert call.handle(ev.RingingReceived("b", "phone", 30.0), 101.0).refused
    assert call.handle(ev.RingingReceived("mallory", "phone", 30.0), 101.0).refused


def test_outgoing_ringing_twice_is_told_once_and_parties_are_counted() -> None:
    call = inviting("a")
    for number in range(8):
        assert feed(call, ev.RingingReceived("a", f"p{number}", 30.0)) == [
            ev.RemoteRinging("a", 30.0)
        ]
        assert call.handle(ev.RingingReceived("a", "p0", 30.0), 101.0).refused
    assert call.handle(ev.RingingReceived("a", "p8", 30.0), 101.0).refused


def test_outgoing_candidates_of_those_who_lose_do_not_use_up_the_winners() -> None:
    call = inviting("a", "b")
    for number in range(call.timing.max_candidates):
        feed(call, ev.CandidateReceived("a", "p", candidate(number)))
    assert call.handle(ev.CandidateReceived("a", "p", candidate(99)), 101.0).refused
    feed(call, accepted("b"))
    assert feed(call, ev.CandidateReceived("b", "p", candidate(1))) == [
        ev.AddCandidate(0, candidate(1))
    ]


def test_outgoing_no_answer_is_no_response_time() -> None:
    call = inviting("a")
    feed(call, ev.DeadlineReached(), now=130.0)
    assert (call.call_status, call.marks.answered) == (CallStatus.TIMEOUT, None)
    call = inviting("a")
    feed(call, refused("a"), now=101.0)
    assert call.marks.answered == 101.0


def test_outgoing_close_instead_of_an_answer_is_a_refusal() -> None:
    call = inviting("a", "b", mode=CallMode.SEQUENTIAL)
    effects = feed(call, ev.CloseReceived("a", "p", CloseReason.SHUTDOWN))
    assert effects == [ev.SendInvite("b", "the offer", 30.0, None)]
    effects = feed(call, ev.CloseReceived("b", "p", CloseReason.SHUTDOWN))
    assert effects[-1] == ev.Closed(CloseReason.REJECTED, Side.REMOTE)


def connected(*, sends_media: bool) -> OutgoingCall:
    call = inviting("a")
    answer = ev.ResponseReceived(
        "a", "p", CallStatus.ACCEPTED, sdp="answer", sends_media=sends_media
    )
    feed(call, answer, ev.PeerConnected(0), now=100.0)
    return call


def test_outgoing_media_that_was_promised_and_never_arrives_ends_the_call() -> None:
    call = connected(sends_media=True)
    assert call.next_deadline() == 115.0
    assert feed(call, ev.DeadlineReached(), now=115.0) == [
        ev.SendClose("a", CloseReason.MEDIA_TIMEOUT),
        ev.ClosePeer(0),
        ev.Closed(CloseReason.MEDIA_TIMEOUT, Side.LOCAL),
    ]


def test_outgoing_media_that_arrives_or_was_not_promised_is_not_waited_for() -> None:
    assert connected(sends_media=False).next_deadline() is None
    call = connected(sends_media=True)
    feed(call, ev.TrackReceived(0, "audio", "opus"))
    assert call.next_deadline() is None
    call = connected(sends_media=True)
    feed(call, ev.PeerSilent(0, 3.0), now=103.0)
    assert call.next_deadline() == 103.0 + TIMING.retry
    feed(call, ev.PeerHeard(0), now=104.0)
    feed(call, ev.PeerConnected(1), now=105.0)
    assert call.next_deadline() == 104.0 + TIMING.media


def test_outgoing_no_offer_no_call() -> None:
    call = outgoing("a")
    effects = feed(call, ev.PeerFailed(0, "no_user_media", "no camera", CloseReason.NO_USER_MEDIA))
    assert effects[-1] == ev.Closed(CloseReason.NO_USER_MEDIA, Side.LOCAL)
    assert not any(isinstance(effect, ev.SendInvite | ev.SendClose) for effect in effects)


def test_outgoing_call_needs_a_target() -> None:
    with pytest.raises(ValueError, match="at least one target"):
        OutgoingCall("c", "p", [], TIMING, 0.0)


def test_outgoing_targets_are_invited_once_each() -> None:
    assert [target.uid for target in inviting(CALLER, "b", CALLER).targets] == [CALLER, "b"]


@pytest.mark.parametrize("reason", [None, "rejected", "declined"])
def test_outgoing_refusal_of_a_person_speaks_for_the_whole_uid(reason: str | None) -> None:
    call = inviting("a", "b")
    feed(call, ev.RingingReceived("a", "phone", 30.0), ev.RingingReceived("a", "browser", 30.0))
    refusal = ev.ResponseReceived("a", "browser", CallStatus.REJECTED, reason)
    assert feed(call, refusal) == [ev.SendClose("a", CloseReason.REJECTED)]
    late = ev.RingingReceived("a", "tablet", 30.0)
    assert feed(call, late) == [ev.SendClose("a", CloseReason.REJECTED)]
    assert call.handle(accepted("a", "phone"), 101.0).refused
    assert feed(call, accepted("b"))[0] == ev.SendSelect("b", "p")


@pytest.mark.parametrize(
    ("status", "reason"),
    [(CallStatus.REJECTED, "no_common_codec"), (CallStatus.BUSY, "rejected")],
)
def test_outgoing_other_refusals_speak_for_one_party(status: CallStatus, reason: str) -> None:
    call = inviting("a")
    feed(call, ev.RingingReceived("a", "phone", 30.0), ev.RingingReceived("a", "browser", 30.0))
    assert feed(call, ev.ResponseReceived("a", "browser", status, reason)) == []
    assert ev.StartMedia(0) in feed(call, accepted("a", "phone"))
