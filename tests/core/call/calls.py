"""Calls and inputs for the tests of the core, with plain values."""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import Timing
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallMode, CallStatus

CALLER, PARTY, OWN = "front-desk", "party-1", "own-party"
CONVERSATION = "2b7f1f0e-2f0d-4a86-9c8d-2d6c8f3f4a11"
TIMING = Timing()


def invitation(**changes: object) -> ev.Invitation:
    fields: dict[str, object] = {
        "conversation": CONVERSATION,
        "caller": CALLER,
        "party": PARTY,
        "sdp": "the offer",
        "lifetime": 30.0,
        "age": 0.0,
    }
    return ev.Invitation(**{**fields, **changes})  # type: ignore[arg-type]


def incoming(now: float = 100.0, **changes: object) -> IncomingCall:
    call = IncomingCall(invitation(**changes), OWN, TIMING, now)
    call.start(now)
    return call


def outgoing(*targets: str, mode: CallMode = CallMode.PARALLEL, now: float = 100.0) -> OutgoingCall:
    call = OutgoingCall(CONVERSATION, OWN, targets or (CALLER,), TIMING, now, mode=mode)
    call.start(now)
    return call


def candidate(number: int = 1) -> ev.IceCandidate:
    return ev.IceCandidate(f"candidate:{number} 1 udp 2130706431 192.0.2.1 5000 typ host", "0", 0)


def feed(
    call: IncomingCall | OutgoingCall, *events: ev.Input, now: float = 101.0
) -> list[ev.Effect]:
    """All effects of inputs that must be taken."""
    effects: list[ev.Effect] = []
    for event in events:
        outcome = call.handle(event, now)
        assert outcome.refused is None, outcome.refused
        effects += outcome.effects
    return effects


def established(now: float = 100.0, grant: ev.MediaGrant | None = None) -> IncomingCall:
    call = incoming(now)
    feed(
        call,
        ev.AcceptRequested(grant or ev.MediaGrant()),
        ev.DescriptionReady(0, "the answer"),
        ev.PeerConnected(0),
        now=now,
    )
    return call


def answering() -> IncomingCall:
    call = incoming()
    feed(call, ev.AcceptRequested())
    return call


def ringing() -> IncomingCall:
    call = incoming()
    feed(call, ev.RingRequested())
    return call


def accepted() -> IncomingCall:
    call = answering()
    feed(call, ev.DescriptionReady(0, "answer"))
    return call


def inviting() -> OutgoingCall:
    call = outgoing(CALLER)
    feed(call, ev.DescriptionReady(0, "offer"))
    return call


def connecting(role: str) -> IncomingCall | OutgoingCall:
    """Answered at 101.0."""
    if role == "incoming":
        invited = incoming()
        feed(invited, ev.AcceptRequested(), ev.DescriptionReady(0, "answer"))
        return invited
    inviter = outgoing(CALLER)
    accepted = ev.ResponseReceived(CALLER, PARTY, CallStatus.ACCEPTED, sdp="answer")
    feed(inviter, ev.DescriptionReady(0, "offer"), accepted)
    return inviter
