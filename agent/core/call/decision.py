"""What becomes of an invitation: asked for once, and handed on as one value.

The decision goes into the call itself, `IncomingCall(invitation, ..., decision)`: nobody keeps it
beside the call.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from agent.core.call.reasons import CallStatus
from agent.core.call.values import MediaGrant

if TYPE_CHECKING:
    from agent.core.call.effects import Effect
    from agent.core.call.inputs import (
        AcceptRequested,
        RejectRequested,
        RingRequested,
        TalkAllowed,
        TalkDenied,
    )


class Action(StrEnum):
    """What to do with an invitation."""

    ACCEPT = "accept"
    REJECT = "reject"
    RING = "ring"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do. `rule` names the rule that decided; `reason` is for reject and busy, `grant` for
    the others.
    """

    action: Action
    rule: str | None = None
    reason: str | None = None
    grant: MediaGrant = MediaGrant()  # noqa: RUF009 - frozen
    # seconds for which it rings at most
    ring_time: float | None = None

    @property
    def lets_in(self) -> bool:
        """Whether the call goes on: it is accepted, or a person is asked."""
        return self.action in (Action.ACCEPT, Action.RING)

    @property
    def max_duration(self) -> float | None:
        """Seconds, or None for no limit."""
        return self.grant.max_duration

    @property
    def request(self) -> AcceptRequested | RingRequested | RejectRequested:
        """The input by which the decision enters its call."""
        # here and below: `callbox check` reads the rules, and has no call
        from agent.core.call.inputs import AcceptRequested, RejectRequested, RingRequested

        match self.action:
            case Action.ACCEPT:
                return AcceptRequested(self.grant, self.rule)
            case Action.RING:
                return RingRequested(self.rule, self.grant, self.ring_time)
            case Action.BUSY:
                return RejectRequested(CallStatus.BUSY, self.reason or "busy", self.rule)
        return RejectRequested(CallStatus.REJECTED, self.reason or "rejected", self.rule)

    def about_talk(self, generation: int, sdp: str) -> TalkAllowed | TalkDenied:
        """The input by which the decision about a view that offers sound enters its call."""
        from agent.core.call.inputs import TalkAllowed, TalkDenied

        match self.action:
            case Action.ACCEPT if not self.grant.audio.receives:
                return TalkDenied(generation, "not_allowed", "the rule lets no sound in")
            case Action.ACCEPT:
                return TalkAllowed(generation, sdp, self.grant, self.rule)
            case Action.RING:
                return TalkDenied(generation, "must_ring", "a person has to be asked: call instead")
            case Action.BUSY:
                return TalkDenied(generation, self.reason or "busy", "no line is free")
        return TalkDenied(generation, self.reason or "rejected", "talking is not allowed")


class Line(StrEnum):
    """Whether there is a line for an invitation."""

    FREE = "free"
    # a call of ours rings out over the last one: who is accepted at once takes its place
    RINGS_OUT = "rings out"
    TAKEN = "taken"

    def admits(self, decision: Decision) -> bool:
        """Whether what the decision lets in gets in."""
        if self is Line.RINGS_OUT:
            return decision.action is Action.ACCEPT
        return decision.lets_in and self is Line.FREE


# whoever would be let in, or ring, while every line is taken
NO_LINE_FREE = Decision(Action.BUSY, reason="busy")


# likewise whoever only looks, while as many look already as may
NO_PLACE_TO_VIEW = Decision(Action.BUSY, reason="max_viewers")


class Admission(StrEnum):
    """What becomes of an invitation."""

    # it starts a call
    NEW = "new"
    # the same answer goes out again
    REPEATED = "repeated"
    # `response` says why, and no call starts
    REFUSED = "refused"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class AdmissionResult:
    """What becomes of an invitation, and what to send to the inviter."""

    admission: Admission
    effects: tuple[Effect, ...] = ()
    why: str = ""


class RateOutcome(StrEnum):
    """What a limit on invitations says of the next one."""

    ADMIT = "admit"
    # answered REJECTED, `rate_limited`
    REFUSE = "refuse"
    # not answered at all
    DROP = "drop"


class InvitationLimiter(Protocol):
    """How many invitations are looked at (PROTOCOL 8)."""

    def judge(self, caller: str, now: float) -> RateOutcome:
        """Count an invitation of `caller` that arrived at `now` (seconds, never going back)."""
