"""The table a second time: each state, what it takes, where it leads; it takes nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from tests.core.call.calls import (
    CALLER,
    CONVERSATION,
    OWN,
    PARTY,
    TIMING,
    accepted,
    answering,
    candidate,
    established,
    feed,
    incoming,
    invitation,
    inviting,
    outgoing,
    ringing,
)

AnyCall = IncomingCall | OutgoingCall
# every deadline has passed
LATER = 1000.0

INPUTS: dict[str, ev.Input] = {
    "ring": ev.RingRequested(),
    "accept": ev.AcceptRequested(),
    "reject": ev.RejectRequested(),
    "hang_up": ev.CloseRequested(),
    "rings": ev.RingingReceived(CALLER, PARTY, 30.0),
    "accepted": ev.ResponseReceived(CALLER, PARTY, CallStatus.ACCEPTED, sdp="answer"),
    "accepted_late": ev.ResponseReceived(
        CALLER, "another-client", CallStatus.ACCEPTED, sdp="answer"
    ),
    "rings_late": ev.RingingReceived(CALLER, "another-client", 30.0),
    "refused": ev.ResponseReceived(CALLER, PARTY, CallStatus.REJECTED, "no"),
    "selected_other": ev.SelectReceived(CALLER, PARTY, "another-of-us"),
    "candidate": ev.CandidateReceived(CALLER, PARTY, candidate()),
    "offer": ev.OfferReceived(CALLER, PARTY, 2, "fresh offer"),
    "answer": ev.AnswerReceived(CALLER, PARTY, 1, "fresh answer"),
    "close": ev.CloseReceived(CALLER, PARTY, CloseReason.USER_HANGUP),
    "error": ev.ErrorReceived(CALLER, PARTY, "code", "message"),
    "described": ev.DescriptionReady(0, "description"),
    "described_1": ev.DescriptionReady(1, "description"),
    "found": ev.CandidateFound(0, candidate()),
    "ice": ev.IceConnected(0),
    "connected": ev.PeerConnected(0),
    "connected_1": ev.PeerConnected(1),
    "frame": ev.FirstFrameSeen(0),
    "track": ev.TrackReceived(0, "audio", "opus"),
    "failed": ev.PeerFailed(0, "code", "message"),
    "failed_1": ev.PeerFailed(1, "code", "message"),
    "silent": ev.PeerSilent(0, 3.0),
    "heard": ev.PeerHeard(0),
    "unheeded": ev.RtcpTimedOut(0, 30.0),
    "lost": ev.PeerLost(0),
    "left": ev.PeerLost(0, closed=True),
    "renew": ev.RenewRequested(),
    "push": ev.PushToTalkRequested(True),
    "pushed": ev.PushToTalkReceived(CALLER, PARTY, True),
    "talk": ev.TalkRequested(),
    "talk_allowed": ev.TalkAllowed(2, "fresh offer"),
    "talk_denied": ev.TalkDenied(2, "busy", "no line is free"),
    "talk_taken": ev.TakeRequested(),
    "look_again": ev.ViewRequested(),
    "crosses": ev.CrossingFound("rival"),
    "crosses_last": ev.CrossingFound("rival", waits=True),
    "yield": ev.YieldRequested("rival"),
    "yield_later": ev.YieldRequested("rival", CALLER),
    "resume": ev.ResumeRequested(),
    "deadline": ev.DeadlineReached(),
}


def crossing() -> IncomingCall:
    call = incoming()
    feed(call, INPUTS["crosses_last"])
    return call


def invited_and_accepted() -> OutgoingCall:
    call = inviting()
    feed(call, INPUTS["accepted"])
    return call


def outgoing_established() -> OutgoingCall:
    call = invited_and_accepted()
    feed(call, ev.PeerConnected(0))
    return call


def viewed() -> IncomingCall:
    call = IncomingCall(invitation(purpose=Purpose.VIEW), OWN, TIMING, 100.0)
    call.start(100.0)
    feed(call, INPUTS["accept"], INPUTS["described"], INPUTS["connected"])
    return call


def viewing() -> OutgoingCall:
    call = OutgoingCall(CONVERSATION, OWN, [CALLER], TIMING, 100.0, purpose=Purpose.VIEW)
    call.start(100.0)
    feed(call, INPUTS["described"], INPUTS["accepted"], INPUTS["connected"])
    return call


def after(make: Callable[[], AnyCall], *inputs: str) -> Callable[[], AnyCall]:
    def made() -> AnyCall:
        call = make()
        feed(call, *(INPUTS[name] for name in inputs))
        return call

    return made


def lost(make: Callable[[], AnyCall]) -> Callable[[], AnyCall]:
    """Nothing has come for `Timing.lost`."""

    def made() -> AnyCall:
        call = after(make, "silent")()
        while call.state is State.SILENT:
            at = call.next_deadline()
            assert at is not None
            feed(call, INPUTS["deadline"], now=at)
        return call

    return made


UNDECIDED = (
    "accept>answering reject>closed hang_up>closed candidate selected_other>closed "
    "close>closed deadline>closed"
)
CROSSED = " crosses>answering crosses_last>crossing"
GIVES_WAY = " yield>closed yield_later>closed"
CONNECTING = (
    "candidate found ice connected>established frame track failed renew offer error "
    "push pushed hang_up>closed close>closed deadline>closed" + GIVES_WAY
)
CONNECTING_ANEW = CONNECTING.replace(
    "failed", "failed answer described_1 failed_1 connected_1>established"
)
CONNECTING_FAILED = CONNECTING.replace(
    "failed", "failed>closed answer described_1 failed_1>closed connected_1>established"
)
ESTABLISHED = (
    "candidate found ice frame track failed>closed silent>silent unheeded>closed "
    "lost>silent left>silent renew offer error push pushed hang_up>closed close>closed" + GIVES_WAY
)
VIEW = ESTABLISHED.replace("push pushed ", "")
RENEWING = "answer described_1 failed_1"
SILENT = (
    "candidate found ice frame track failed>closed heard>established lost left renew offer "
    "error push pushed hang_up>closed close>closed deadline>closed" + GIVES_WAY
)
LEFT = SILENT.replace("heard>established lost left renew ", "")
LATE = "accepted_late rings_late"
# The call, the state that it is in, and every input that it takes: `input` stays there,
# `input>state` leads on.
TABLE: list[tuple[str, Callable[[], AnyCall], State, str]] = [
    ("invited", incoming, State.INVITED, "ring>ringing " + UNDECIDED + CROSSED),
    ("ringing", ringing, State.RINGING, UNDECIDED + CROSSED),
    (
        "crossing",
        crossing,
        State.CROSSING,
        UNDECIDED.replace("deadline>closed", "deadline>answering resume>invited") + GIVES_WAY,
    ),
    (
        "answering",
        answering,
        State.ANSWERING,
        "described>connecting failed>closed candidate found renew selected_other>closed "
        "close>closed hang_up>closed reject>closed "
        "resume>closed deadline>closed" + GIVES_WAY,
    ),
    ("accepted", accepted, State.CONNECTING, CONNECTING + " selected_other>closed"),
    (
        "accepted and renewing",
        after(accepted, "renew"),
        State.CONNECTING,
        CONNECTING_ANEW + " selected_other>closed",
    ),
    ("established", established, State.ESTABLISHED, ESTABLISHED + " selected_other>closed"),
    (
        "renewing",
        after(established, "renew"),
        State.ESTABLISHED,
        f"{ESTABLISHED} {RENEWING} selected_other>closed connected_1 deadline",
    ),
    (
        "silent",
        after(established, "silent"),
        State.SILENT,
        f"{SILENT} {RENEWING} selected_other>closed connected_1>established",
    ),
    (
        "lost",
        lost(established),
        State.LOST,
        SILENT + " selected_other>closed",
    ),
    ("left", after(established, "left"), State.SILENT, LEFT + " selected_other>closed"),
    (
        "left and renewing",
        after(established, "renew", "left"),
        State.SILENT,
        f"{LEFT} {RENEWING} selected_other>closed connected_1>established",
    ),
    (
        "accepted and failed",
        after(accepted, "failed"),
        State.CONNECTING,
        CONNECTING_FAILED + " selected_other>closed",
    ),
    (
        "offering",
        outgoing,
        State.OFFERING,
        "described>inviting failed>closed found renew hang_up>closed deadline>closed" + GIVES_WAY,
    ),
    (
        "inviting",
        inviting,
        State.INVITING,
        "found candidate renew rings rings_late accepted>connecting accepted_late>connecting "
        "refused>closed "
        "error>closed failed>closed close>closed hang_up>closed deadline>closed "
        "yield>closed yield_later",
    ),
    (
        "inviting and giving way",
        after(inviting, "yield_later"),
        State.INVITING,
        "found candidate renew rings rings_late accepted>connecting accepted_late>connecting "
        "refused>closed "
        "error>closed failed>closed close>closed hang_up>closed deadline>closed "
        "yield>closed yield_later resume",
    ),
    ("outgoing accepted", invited_and_accepted, State.CONNECTING, f"{CONNECTING} {LATE}"),
    (
        "outgoing accepted and renewing",
        after(invited_and_accepted, "renew"),
        State.CONNECTING,
        f"{CONNECTING_ANEW} {LATE}",
    ),
    (
        "outgoing accepted and failed",
        after(invited_and_accepted, "failed"),
        State.CONNECTING,
        f"{CONNECTING_FAILED} {LATE}",
    ),
    ("outgoing established", outgoing_established, State.ESTABLISHED, f"{ESTABLISHED} {LATE}"),
    (
        "outgoing silent",
        after(outgoing_established, "lost"),
        State.SILENT,
        f"{SILENT} {RENEWING} {LATE} connected_1>established",
    ),
    (
        "outgoing lost",
        lost(outgoing_established),
        State.LOST,
        # the second offer of ours is out, and wins
        f"{SILENT} {LATE}".replace(" offer ", " "),
    ),
    (
        "viewed",
        viewed,
        State.ESTABLISHED,
        f"{VIEW} selected_other>closed talk_allowed talk_denied talk_taken",
    ),
    ("viewing", viewing, State.ESTABLISHED, f"{VIEW} {LATE} talk"),
    (
        "viewing and asking",
        after(viewing, "talk"),
        State.ESTABLISHED,
        f"{VIEW} {RENEWING} {LATE} connected_1 deadline",
    ),
    ("closed", after(established, "hang_up"), State.CLOSED, ""),
    ("outgoing closed", after(outgoing, "hang_up"), State.CLOSED, ""),
]


@pytest.mark.parametrize(
    ("make", "state", "takes"), [entry[1:] for entry in TABLE], ids=[entry[0] for entry in TABLE]
)
def test_table_every_state_with_every_input(
    make: Callable[[], AnyCall], state: State, takes: str
) -> None:
    leads = {
        name: to or state.value for name, _, to in (entry.partition(">") for entry in takes.split())
    }
    assert set(leads) <= set(INPUTS)
    for name, event in INPUTS.items():
        call = make()
        assert call.state is state
        outcome = call.handle(event, LATER)
        assert (outcome.refused is None) == (name in leads), f"{name}: {outcome.refused}"
        assert call.state.value == leads.get(name, state.value), name


def test_table_every_kind_of_input_is_in_the_table() -> None:
    kinds = {
        kind
        for role in (IncomingCall, OutgoingCall)
        for rows in role.TABLE.values()
        for kind in rows
    }
    assert kinds == {type(event) for event in INPUTS.values()}


ENTRIES = pytest.mark.parametrize(
    "make", [entry[1] for entry in TABLE], ids=[entry[0] for entry in TABLE]
)


@ENTRIES
def test_table_no_deadline_before_its_time(make: Callable[[], AnyCall]) -> None:
    assert make().handle(ev.DeadlineReached(), 101.0).refused


@ENTRIES
def test_table_news_of_a_transport_that_does_not_exist(make: Callable[[], AnyCall]) -> None:
    for event in (
        ev.DescriptionReady(7, "description"),
        ev.CandidateFound(7, candidate()),
        ev.IceConnected(7),
        ev.PeerConnected(7),
        ev.FirstFrameSeen(7),
        ev.TrackReceived(7, "audio", "opus"),
        ev.PeerFailed(7, "code", "message"),
        ev.PeerSilent(7, 3.0),
        ev.PeerHeard(7),
        ev.RtcpTimedOut(7, 30.0),
        ev.PeerLost(7),
        ev.AnswerReceived(CALLER, PARTY, 7, "answer"),
    ):
        assert make().handle(event, 101.0).refused, event
