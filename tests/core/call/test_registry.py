"""What an invitation or a stray message means, before any call's own rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.core.call import events as ev
from agent.core.call.crossings import Ruling
from agent.core.call.decision import NO_LINE_FREE, Action, Admission, Decision
from agent.core.call.incoming import IncomingCall
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, CloseReason
from agent.core.call.registry import (
    CLOSED_MEMORY_SECONDS,
    MEMORY,
    MEMORY_SIZE,
    CallRegistry,
)
from agent.core.policy.rate_limiter import RateLimiter
from tests.core.call.calls import CALLER, CONVERSATION, OWN, TIMING, feed, invitation, outgoing

EXPIRED = ev.ResponseReceived(CALLER, "p", CallStatus.TIMEOUT, "expired", now=1_800_000_000.0)


def admit_call(registry: CallRegistry, now: float = 0.0, **changes: object) -> IncomingCall:
    assert registry.admit(invitation(**changes), now).admission is Admission.NEW
    call = IncomingCall(invitation(**changes), OWN, TIMING, now)
    registry.add(call)
    return call


def test_registry_same_invitation_is_answered_again_and_starts_nothing() -> None:
    registry = CallRegistry(RateLimiter())
    call = admit_call(registry)
    assert registry.admit(invitation(), 1.0).effects == ()
    feed(call, ev.RejectRequested(CallStatus.REJECTED, "no"))
    registry.remove(call, 2.0)
    again = registry.admit(invitation(), 3.0)
    assert again.admission is Admission.REPEATED
    assert again.effects == (ev.SendResponse(CallStatus.REJECTED, "no"),)


def test_registry_invitation_to_a_call_of_an_earlier_process_is_told_that_it_is_over() -> None:
    registry = CallRegistry(RateLimiter())
    registry.past(CONVERSATION, CALLER, CloseReason.CRASH_RECOVERED, 0.0)
    again = registry.admit(invitation(), 1.0)
    assert again.admission is Admission.REPEATED
    assert again.effects == (ev.SendClose(CALLER, CloseReason.CRASH_RECOVERED),)
    assert registry.admit(invitation(caller="mallory"), 1.0).admission is Admission.REFUSED


def test_registry_says_busy_where_no_line_is_free() -> None:
    registry = CallRegistry(RateLimiter())
    accept, reject = Decision(Action.ACCEPT), Decision(Action.REJECT)
    another = invitation(caller="another")
    assert registry.rule(another, accept) == Ruling(accept)
    assert registry.rule(another, None) == Ruling(None)
    admit_call(registry)
    assert registry.rule(another, accept) == registry.rule(another, None) == Ruling(NO_LINE_FREE)
    assert registry.rule(another, reject) == Ruling(reject)


def test_registry_answer_is_forgotten_after_every_invitation_has_expired() -> None:
    registry = CallRegistry(RateLimiter())
    call = admit_call(registry)
    feed(call, ev.RejectRequested())
    registry.remove(call, 0.0)
    assert registry.admit(invitation(), CLOSED_MEMORY_SECONDS + 1).admission is Admission.NEW


def test_registry_conversation_belongs_to_its_sender() -> None:
    registry = CallRegistry(RateLimiter())
    call = admit_call(registry)
    # while it runs, and after it ended
    for _ in range(2):
        result = registry.admit(invitation(caller="mallory"), 1.0)
        assert result.effects == (ev.SendResponse(CallStatus.REJECTED, "conversation_in_use"),)
        feed(call, ev.RejectRequested())
        registry.remove(call, 1.0)
        call = IncomingCall(invitation(), OWN, TIMING, 1.0)


def test_registry_conversation_that_we_began_cannot_be_taken_over() -> None:
    registry = CallRegistry(RateLimiter())
    registry.add(outgoing(CALLER))
    assert registry.admit(invitation(), 0.0).admission is Admission.REFUSED


def test_registry_withdrawal_that_overtakes_its_invitation() -> None:
    registry = CallRegistry(RateLimiter())
    registry.unknown_close(CONVERSATION, CALLER, 0.0)
    registry.unknown_close(CONVERSATION, "mallory", 0.0)
    assert registry.admit(invitation(), 1.0).admission is Admission.IGNORED


def test_registry_nobody_can_withdraw_the_invitation_of_another() -> None:
    registry = CallRegistry(RateLimiter())
    registry.unknown_close(CONVERSATION, "mallory", 0.0)
    assert registry.admit(invitation(), 1.0).admission is Admission.NEW


def test_registry_accepted_after_the_end_is_told_so() -> None:
    registry = CallRegistry(RateLimiter())
    call = outgoing(CALLER, now=0.0)
    registry.add(call)
    feed(call, ev.DescriptionReady(0, "o"), ev.CloseRequested(), now=0.0)
    registry.remove(call, 1.0)
    late = ev.ResponseReceived(CALLER, "p", CallStatus.ACCEPTED, sdp="s")
    assert registry.unknown_response(CONVERSATION, late) == [
        ev.SendClose(CALLER, CloseReason.CANCELLED)
    ]
    assert registry.unknown_response("another", late) == []
    refused = ev.ResponseReceived(CALLER, "p", CallStatus.BUSY)
    assert registry.unknown_response(CONVERSATION, refused) == []


def test_registry_ringing_after_the_end_is_told_so() -> None:
    registry = CallRegistry(RateLimiter())
    call = outgoing(CALLER, now=0.0)
    registry.add(call)
    feed(call, ev.DescriptionReady(0, "o"), ev.CloseRequested(), now=0.0)
    registry.remove(call, 1.0)
    rings = ev.RingingReceived("phone-of-b", "p", 20.0)
    assert registry.unknown_response(CONVERSATION, rings) == [
        ev.SendClose("phone-of-b", CloseReason.CANCELLED)
    ]
    assert registry.unknown_response("another", rings) == []


def test_registry_accepted_after_a_crash_of_ours_is_told_that_it_is_over() -> None:
    """Whoever picks up would wait for a picture until its own patience ends."""
    registry = CallRegistry(RateLimiter())
    registry.past(CONVERSATION, CALLER, CloseReason.CRASH_RECOVERED, 0.0)
    over = [ev.SendClose(CALLER, CloseReason.CRASH_RECOVERED)]
    assert registry.unknown_response(CONVERSATION, ev.RingingReceived(CALLER, "p", 20.0)) == over
    late = ev.ResponseReceived(CALLER, "p", CallStatus.ACCEPTED, sdp="s")
    assert registry.unknown_response(CONVERSATION, late) == over


def test_registry_first_id_of_a_call_that_was_renamed_stays_its_own() -> None:
    """However long it lasts: two calls of one name would take each other's place in the books."""
    registry = CallRegistry(RateLimiter(), max_conversations=2)
    call = outgoing(CALLER, now=0.0)
    registry.add(call)
    call.signaled_as = "9e107d9d-372b-4a9a-9b4e-1d6f3d9a1c55"
    registry.rename(call, CONVERSATION, 0.0)
    late = CLOSED_MEMORY_SECONDS + 1
    assert registry.admit(invitation(), late).effects == (
        ev.SendResponse(CallStatus.REJECTED, "conversation_in_use"),
    )
    registry.remove(call, late)
    assert registry.admit(invitation(), late).admission is Admission.NEW


def test_registry_who_answered_an_invitation_never_gets_a_close_for_it() -> None:
    """Only what we began ourselves is withdrawn."""
    registry = CallRegistry(RateLimiter())
    call = admit_call(registry)
    feed(call, ev.RejectRequested())
    registry.remove(call, 1.0)
    late = ev.ResponseReceived(CALLER, "p", CallStatus.ACCEPTED, sdp="s")
    assert registry.unknown_response(CONVERSATION, late) == []


def test_registry_repetitions_are_limited_too() -> None:
    """Each costs an answer: four times ten a minute, whoever owns the conversation, and then
    silence.
    """
    registry = CallRegistry(RateLimiter())
    call = admit_call(registry)
    feed(call, ev.RejectRequested(CallStatus.REJECTED, "no"))
    registry.remove(call, 0.0)
    for caller, admission in ((CALLER, Admission.REPEATED), ("mallory", Admission.REFUSED)):
        outcomes = [registry.admit(invitation(caller=caller), 1.0).admission for _ in range(60)]
        assert outcomes.count(admission) == (39 if caller == CALLER else 40)
        assert set(outcomes[40:]) == {Admission.IGNORED}


def test_registry_who_is_turned_away_takes_no_line() -> None:
    registry = CallRegistry(RateLimiter())
    assert registry.admit(invitation(), 0.0).admission is Admission.NEW
    call = IncomingCall(invitation(), OWN, TIMING, 0.0, Decision(Action.REJECT))
    registry.add(call)
    assert not registry.busy
    assert registry.admit(invitation(), 0.0).admission is Admission.REPEATED
    call.start(0.0)
    registry.remove(call, 0.0)
    admitted = IncomingCall(invitation(conversation="another"), OWN, TIMING, 0.0)
    registry.add(admitted)
    assert registry.busy


def test_registry_call_that_goes_on_under_another_id() -> None:
    registry = CallRegistry(RateLimiter())
    call = OutgoingCall(CONVERSATION, OWN, [CALLER], TIMING, 0.0, second_id="second")
    call.start(0.0)
    registry.add(call)
    feed(call, ev.DescriptionReady(0, "o"), EXPIRED, now=0.0)
    registry.rename(call, CONVERSATION, 0.0)
    assert registry.busy
    assert (
        registry.admit(invitation(caller="mallory", conversation="second"), 0.0).admission
        is Admission.REFUSED
    )
    late = ev.ResponseReceived(CALLER, "p", CallStatus.ACCEPTED, sdp="s")
    assert registry.unknown_response(CONVERSATION, late) == [
        ev.SendClose(CALLER, CloseReason.CANCELLED)
    ]
    assert registry.unknown_response("second", late) == []
    feed(call, ev.CloseRequested(), now=0.0)
    registry.remove(call, 0.0)
    assert not registry.busy
    assert registry.unknown_response("second", late) == [
        ev.SendClose(CALLER, CloseReason.CANCELLED)
    ]


def test_registry_memory_of_what_ended_is_bounded_and_the_oldest_goes() -> None:
    registry = CallRegistry(RateLimiter())
    for number in range(MEMORY + 3):
        call = IncomingCall(invitation(conversation=f"{number}"), OWN, TIMING, 0.0)
        registry.add(call)
        feed(call, ev.RejectRequested())
        registry.remove(call, 0.0)
    assert len(registry._ended) == MEMORY
    assert "2" not in registry._ended
    assert f"{MEMORY + 2}" in registry._ended
    assert not registry.calls


def test_registry_withdrawal_is_forgotten_after_every_invitation_has_expired() -> None:
    registry = CallRegistry(RateLimiter())
    registry.unknown_close(CONVERSATION, CALLER, 0.0)
    assert registry.admit(invitation(), CLOSED_MEMORY_SECONDS + 1).admission is Admission.NEW


def test_registry_busy_counts_conversations() -> None:
    registry = CallRegistry(RateLimiter(), max_conversations=2)
    admit_call(registry)
    assert not registry.busy
    other = OutgoingCall("another", OWN, ["b"], TIMING, 0.0)
    registry.add(other)
    assert registry.busy
    registry.remove(other, 1.0)
    assert not registry.busy


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 30)), max_size=300))
def test_registry_memory_stays_bounded_and_floods_are_refused_then_dropped(
    steps: list[tuple[int, float]],
) -> None:
    registry = CallRegistry(RateLimiter())
    now, admissions = 0.0, []
    for number, (caller, pause) in enumerate(steps):
        now += pause / 100
        message = invitation(caller=f"caller-{caller}", conversation=f"{number}")
        admissions.append(registry.admit(message, now).admission)
        registry.unknown_close(f"x{number}", "x", now)
    assert admissions.count(Admission.NEW) <= 60 * (1 + now // 60)
    assert len(registry._withdrawn) <= MEMORY


def test_registry_answers_are_remembered_up_to_a_size() -> None:
    """512 answers of 64 KiB would be 32 MiB on a registry that has 512."""
    registry = CallRegistry(RateLimiter(per_caller=10_000, overall=10_000))
    length = MEMORY_SIZE // 8
    for number in range(20):
        call = IncomingCall(invitation(conversation=f"c{number}"), OWN, TIMING, 0.0)
        registry.add(call)
        feed(call, ev.AcceptRequested(), ev.DescriptionReady(0, "v" * length), ev.CloseRequested())
        registry.remove(call, 0.0)
    known = [
        n
        for n in range(20)
        if registry.admit(invitation(conversation=f"c{n}"), 1.0).admission is Admission.REPEATED
    ]
    assert known == list(range(12, 20))
