"""What holds for any order of inputs, in both roles."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.call import events as ev
from agent.core.call.base_call import Call
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallMode, CallStatus, CloseReason, Purpose
from tests.core.call.calls import CONVERSATION, OWN, TIMING, candidate, invitation
from tests.examples import examples

UIDS = st.sampled_from(["front-desk", "b", "mallory"])
PARTIES = st.sampled_from(["party-1", "party-2", OWN])
GENERATIONS = st.integers(0, 3)
SDP = st.sampled_from(["sdp-1", "sdp-2"])
CANDIDATES = st.sampled_from([None, candidate(1), candidate(2)])
INPUTS: st.SearchStrategy[ev.Input] = st.one_of(
    st.just(ev.RingRequested()),
    st.builds(
        ev.AcceptRequested, st.builds(ev.MediaGrant, max_duration=st.sampled_from([None, 5.0]))
    ),
    st.builds(ev.RejectRequested, st.sampled_from(CallStatus)),
    st.builds(ev.CloseRequested, st.sampled_from(CloseReason)),
    st.builds(ev.RingingReceived, UIDS, PARTIES, st.just(30.0)),
    st.builds(
        ev.ResponseReceived,
        UIDS,
        PARTIES,
        st.sampled_from(CallStatus),
        st.none(),
        st.one_of(st.none(), SDP),
        st.booleans(),
        st.sampled_from([None, 1_800_000_000.0]),
    ),
    st.builds(ev.SelectReceived, UIDS, PARTIES, PARTIES),
    st.builds(ev.CandidateReceived, UIDS, PARTIES, CANDIDATES),
    st.builds(ev.OfferReceived, UIDS, PARTIES, GENERATIONS, SDP, st.booleans()),
    st.builds(ev.AnswerReceived, UIDS, PARTIES, GENERATIONS, SDP, st.booleans()),
    st.just(ev.TalkRequested()),
    st.builds(ev.TalkAllowed, GENERATIONS, SDP),
    st.builds(ev.TalkDenied, GENERATIONS, st.just("busy"), st.just("no line")),
    st.just(ev.TakeRequested()),
    st.builds(ev.CloseReceived, UIDS, PARTIES, st.sampled_from(CloseReason)),
    st.builds(ev.ErrorReceived, UIDS, PARTIES, st.just("code"), st.just("message")),
    st.builds(ev.DescriptionReady, GENERATIONS, SDP),
    st.builds(ev.CandidateFound, GENERATIONS, CANDIDATES),
    st.builds(ev.IceConnected, GENERATIONS),
    st.builds(ev.PeerConnected, GENERATIONS),
    st.builds(ev.FirstFrameSeen, GENERATIONS),
    st.builds(ev.TrackReceived, GENERATIONS, st.sampled_from(["audio", "video"]), st.just("x")),
    st.builds(ev.PeerFailed, GENERATIONS, st.just("c"), st.just("m"), st.sampled_from(CloseReason)),
    st.builds(ev.PeerSilent, GENERATIONS, st.floats(0, 5)),
    st.builds(ev.PeerHeard, GENERATIONS),
    st.builds(ev.RtcpTimedOut, GENERATIONS, st.just(30.0)),
    st.builds(ev.PeerLost, GENERATIONS, st.just(""), st.booleans()),
    st.just(ev.RenewRequested()),
    st.builds(ev.CrossingFound, st.just("rival"), st.booleans()),
    st.builds(ev.YieldRequested, st.just("rival"), st.one_of(st.none(), UIDS)),
    st.just(ev.ResumeRequested()),
    st.just(ev.DeadlineReached()),
)
STEPS = st.lists(st.tuples(INPUTS, st.floats(0, 20)), max_size=60)


def make(role: str) -> tuple[Call, list[ev.Effect]]:
    if role == "incoming":
        call: IncomingCall | OutgoingCall = IncomingCall(invitation(), OWN, TIMING, 0.0)
    elif role == "viewed":
        call = IncomingCall(invitation(purpose=Purpose.VIEW), OWN, TIMING, 0.0)
    elif role == "viewing":
        targets = ["front-desk", "b"]
        call = OutgoingCall(CONVERSATION, OWN, targets, TIMING, 0.0, purpose=Purpose.VIEW)
    else:
        mode = CallMode.SEQUENTIAL if role == "sequential" else CallMode.PARALLEL
        second = "second" if role == "corrected" else None
        call = OutgoingCall(
            CONVERSATION, OWN, ["front-desk", "b"], TIMING, 0.0, mode=mode, second_id=second
        )
    return call, call.start(0.0)


ROLES = st.sampled_from(["incoming", "parallel", "sequential", "corrected", "viewed", "viewing"])
# Once the clock was corrected another conversation is awaited on the wire: what names the old one
# does not get here.
SAME_ID = st.sampled_from(["incoming", "parallel", "sequential", "viewed", "viewing"])


def snapshot(call: Call) -> dict[str, Any]:
    return deepcopy(vars(call))


class Observer:
    """Watches the effects of one call and checks what must never happen."""

    def __init__(self) -> None:
        self.accepted = False
        self.live: set[int] = set()
        self.running: set[int] = set()
        self.closed = 0

    def see(self, effect: ev.Effect) -> None:
        assert not self.closed, f"{effect} after closed"
        match effect:
            case ev.CreateOffer() | ev.CreateAnswer():
                assert effect.generation not in self.live, "a generation is made once at a time"
                self.live.add(effect.generation)
            case (
                ev.SendResponse(status=CallStatus.ACCEPTED)
                | ev.InvitationAnswered(call_status=CallStatus.ACCEPTED)
            ):
                self.accepted = True
            case ev.StartMedia():
                assert self.accepted, "media before ACCEPTED"
                assert effect.generation in self.live
                self.running.add(effect.generation)
            case ev.PauseMedia():
                self.running.remove(effect.generation)
            case ev.ResumeMedia():
                assert effect.generation in self.live
                self.running.add(effect.generation)
            case ev.ApplyAnswer() | ev.AddCandidate():
                assert effect.generation in self.live
            case ev.ClosePeer():
                assert effect.generation in self.live
                self.live.discard(effect.generation)
                self.running.discard(effect.generation)
            case ev.Closed():
                assert not self.live, "a transport outlives the call"
                self.closed += 1


@given(ROLES, STEPS)
@settings(max_examples=examples(400))
def test_call_any_order_of_inputs(role: str, steps: list[tuple[ev.Input, float]]) -> None:
    call, effects = make(role)
    observer = Observer()
    now = 0.0
    for effect in effects:
        observer.see(effect)
    for event, pause in steps:
        now += pause
        before = snapshot(call)
        outcome = call.handle(event, now)
        for effect in outcome.effects:
            observer.see(effect)
        if outcome.refused is not None:
            assert outcome.effects == []
            assert snapshot(call) == before, f"refused {event}, yet it changed something"
        assert (call.state is State.CLOSED) == bool(observer.closed)
        if call.state is State.CONNECTING:
            assert call.marks.answered is not None
            assert call.marks.connected is None
            due = call.next_deadline()
            assert due is not None
            assert due <= call.marks.answered + TIMING.setup, "a fresh transport puts nothing off"
        if before["state"] is State.CONNECTING and call.state is State.ESTABLISHED:
            assert call.marks.connected == now
        assert not observer.running or call.media_runs
    # Left alone, every call ends by itself, unless it is established without a limit.
    for _ in range(20):
        deadline = call.next_deadline()
        if deadline is None:
            break
        now = max(now, deadline)
        for effect in call.handle(ev.DeadlineReached(), now).effects:
            observer.see(effect)
    assert call.state in (State.CLOSED, State.ESTABLISHED)
    assert observer.closed == (call.state is State.CLOSED)


@given(SAME_ID, STEPS)
@settings(max_examples=examples(200))
def test_call_duplicates_of_messages_change_nothing(
    role: str, steps: list[tuple[ev.Input, float]]
) -> None:
    """QoS 1 may deliver a message twice: the second one never makes a transport, a media start or
    an event.
    """
    call, _ = make(role)
    now = 0.0
    for event, pause in steps:
        now += pause
        call.handle(event, now)
        if not isinstance(event, MESSAGES):
            continue
        again = call.handle(event, now).effects
        once = (
            ev.CreateAnswer
            | ev.ApplyAnswer
            | ev.StartMedia
            | ev.InvitationAnswered
            | ev.RemoteRinging
            | ev.Closed
        )
        assert not [effect for effect in again if isinstance(effect, once)]


MESSAGES = (
    ev.RingingReceived,
    ev.ResponseReceived,
    ev.SelectReceived,
    ev.OfferReceived,
    ev.AnswerReceived,
    ev.CloseReceived,
)


@given(st.sampled_from(["viewed", "viewing"]), STEPS)
@settings(max_examples=examples(300))
def test_call_view_goes_one_way_until_it_talks(
    role: str, steps: list[tuple[ev.Input, float]]
) -> None:
    """Whatever comes in whatever order: only a transport that was made for a talk goes both ways,
    and only one that is connected, or a person here, makes a talk of it.
    """
    call, effects = make(role)
    now, wide = 0.0, set[int]()
    for event, pause in [(None, 0.0), *steps]:
        now += pause
        was = call.viewing.purpose
        if event is not None:
            effects = call.handle(event, now).effects
        for effect in effects:
            if isinstance(effect, ev.CreateOffer | ev.CreateAnswer):
                if effect.grant.sends and effect.grant.receives:
                    wide.add(effect.generation)
                    assert not call.looks
                else:
                    wide.discard(effect.generation)
        if was is Purpose.VIEW and call.viewing.purpose is Purpose.TALK:
            taken = isinstance(event, ev.TakeRequested)
            assert taken or (isinstance(event, ev.PeerConnected) and event.generation in wide)
            assert ev.TalkStarted(call.rule) in effects
        if call.state is not State.CLOSED:
            assert call.viewing.generation in (None, call.renewals.generation)


def test_call_every_state_and_input_has_been_thought_of() -> None:
    """The tables name all states, and lead nowhere that does not exist."""
    for role in (IncomingCall, OutgoingCall):
        mine = set(role.TABLE)
        for state, rows in role.TABLE.items():
            for entry in rows.values():
                assert entry.leads_to(state) <= mine | {State.CLOSED}
        assert role.TABLE[State.CLOSED] == {}


@given(ROLES, STEPS)
@settings(max_examples=examples(100))
def test_call_deadline_is_pending_until_the_call_is_established_or_over(
    role: str, steps: list[tuple[ev.Input, float]]
) -> None:
    """Nobody can wait for ever: every other state has a deadline."""
    call, _ = make(role)
    now = 0.0
    for event, pause in steps:
        now += pause
        call.handle(event, now)
        if call.state not in (State.ESTABLISHED, State.CLOSED):
            assert call.next_deadline() is not None
