"""Which conversations there are, and what a message means for them: the rules that stand before a
call (PROTOCOL 2, 8).

Pure: it admits an invitation, repeats an answer, refuses, or ignores it. It keeps a bounded memory
of conversations that ended, so that a repeated invitation gets its old answer, and of withdrawals
that overtook their invitation, so that it does not ring.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from agent.core.call import events as ev
from agent.core.call.crossings import AnyCall, Crossings, FollowUp, Ruling
from agent.core.call.decision import (
    NO_LINE_FREE,
    NO_PLACE_TO_VIEW,
    Action,
    Admission,
    AdmissionResult,
    Decision,
    InvitationLimiter,
    Line,
    RateOutcome,
)
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, CloseReason, Purpose

# calls that look at this side at the same time
MAX_VIEWERS = 4
# invitations about which somebody is asked at the same time
MAX_RINGING = 8
# conversations that ended; likewise withdrawals that came before their invitation
MEMORY = 512
# characters of the answers that are kept with them: an SDP is a few thousand
MEMORY_SIZE = 1 << 20
# longer than any invitation lives (120 s) and QoS 1 repeats it
CLOSED_MEMORY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Ended:
    """What is remembered of a conversation that is over."""

    uid: str
    at: float
    answer: ev.SendResponse | ev.SendClose | None
    close: ev.SendClose | None

    @property
    def size(self) -> int:
        """Characters that its answer holds."""
        return len(self.answer.sdp or "") if isinstance(self.answer, ev.SendResponse) else 0


class CallRegistry:
    """All conversations of one party. Keys are conversation ids."""

    def __init__(
        self,
        limiter: InvitationLimiter,
        *,
        max_conversations: int = 1,
        max_viewers: int = MAX_VIEWERS,
    ) -> None:
        self.max_conversations = max_conversations
        self.max_viewers = max_viewers
        self.calls: dict[str, IncomingCall | OutgoingCall] = {}
        # of those: refused before anybody was asked, they take no line
        self._turned_away: set[str] = set()
        self._limiter = limiter
        self._crossings = Crossings()
        self._ended: OrderedDict[str, Ended] = OrderedDict()
        # of all of them
        self._size = 0
        # (sender, conversation) -> when
        self._withdrawn: OrderedDict[tuple[str, str], float] = OrderedDict()

    @property
    def busy(self) -> bool:
        """Whether no further call can be taken. One that is lost leaves its line, one that rings
        has not taken any, and one that only looks takes none; two that cross have one together
        (PROTOCOL 3).
        """
        return self.is_full(Purpose.TALK)

    def is_full(self, purpose: Purpose) -> bool:
        """Whether there is no room for one more of these; whom we look at does not count."""
        return self._taken(purpose) >= self._places(purpose)

    def _taken(self, purpose: Purpose) -> int:
        taken = [
            call
            for call in self.calls.values()
            if _takes(purpose, call)
            and call.state is not State.LOST
            and call.signaled_as not in self._turned_away
            and not _rings(call)
            and call not in self._crossings
        ]
        return len(taken)

    def _places(self, purpose: Purpose) -> int:
        return self.max_viewers if purpose is Purpose.VIEW else self.max_conversations

    def may_call(self, targets: Collection[str]) -> bool:
        """Whether there may be a call to them: whoever invites us is not busy for us."""
        open_ = [call for call in self.calls.values() if isinstance(call, IncomingCall)]
        return not self.busy or any(call.is_open and call.remote_uid in targets for call in open_)

    def crowded_out(self) -> list[IncomingCall]:
        """The calls that ring and end BUSY, as the last line is taken; likewise those that would
        look. Whoever is about to hear a view of ours talk has its own call taken by that.
        """
        full = [purpose for purpose in Purpose if self.is_full(purpose)]
        taking = {call.remote_uid for call in self.calls.values() if _is_about_to_talk(call)}
        apart = [call for call in self._ringing() if call not in self._crossings]
        asked = [call for call in apart if call.remote_uid not in taking]
        return [call for call in asked if any(_takes(purpose, call) for purpose in full)]

    def _ringing(self) -> list[IncomingCall]:
        return [
            call for call in self.calls.values() if isinstance(call, IncomingCall) and call.rings
        ]

    def displaced_by(self, accepted: IncomingCall | OutgoingCall) -> AnyCall | None:
        """The call that ends with `replaced` now that another one was ACCEPTED: where no line was
        free, the one that has been lost longest. One that lives again meanwhile has lost its line
        all the same. A view is displaced by a view alone, and by one of another.
        """
        purpose = next((each for each in Purpose if _takes(each, accepted)), None)
        if purpose is None:
            return None
        others = [
            call
            for call in self.calls.values()
            if call is not accepted and call.accepted and _takes(purpose, call)
        ]
        lost = [
            (call.state is not State.LOST, call.liveness.lost_at, call)
            for call in others
            if call.liveness.lost_at is not None
        ]
        if len(others) < self._places(purpose) or not lost:
            return None
        return min(lost, key=lambda entry: entry[:2])[2]

    def admit(self, invitation: ev.Invitation, now: float) -> AdmissionResult:
        """Judge an invitation. Only NEW may start a call; the caller of this starts it and calls
        `add`.
        """
        self._forget(now)
        if self._withdrawn.pop((invitation.caller, invitation.conversation), None) is not None:
            return AdmissionResult(Admission.IGNORED, why="it was withdrawn before it came")
        # a repetition counts: each one costs an answer
        outcome = self._limiter.judge(invitation.caller, now)
        if outcome is RateOutcome.DROP:
            return AdmissionResult(Admission.IGNORED, why="a flood")
        known = self._known(invitation)
        if known is not None:
            return known
        refused = outcome is RateOutcome.REFUSE
        return _refused("rate_limited") if refused else AdmissionResult(Admission.NEW)

    def judge_rate(self, caller: str, now: float) -> RateOutcome:
        """Count what is to be judged as an invitation of `caller`."""
        return self._limiter.judge(caller, now)

    def line_for(self, invitation: ev.Invitation) -> Line:
        """Whether there is a line for `invitation`: whom we invite is not busy."""
        if not self.is_full(invitation.purpose):
            return Line.FREE
        calls = self._that_it_may_cross(invitation)
        if self._crossings.target(invitation.caller, calls) is not None:
            return Line.FREE
        return Line.RINGS_OUT if self._crossings.ringing_out(calls) else Line.TAKEN

    def _that_it_may_cross(self, invitation: ev.Invitation) -> list[AnyCall]:
        """A view never ends a ring."""
        return list(self.calls.values()) if invitation.purpose is Purpose.TALK else []

    def rule(self, invitation: ev.Invitation, decision: Decision | None) -> Ruling:
        """`decision`, or busy where it would let somebody in, or ask, and no line is free, or no
        place for one more who looks; also where as many ring already as are asked about at once.
        Who crosses a call of ours is not asked about.
        """
        judged, calls = decision or Decision(Action.RING), self._that_it_may_cross(invitation)
        if not judged.lets_in:
            return Ruling(decision)
        own, line = self._crossings.target(invitation.caller, calls), self.line_for(invitation)
        if line is Line.RINGS_OUT and line.admits(judged):
            own = self._crossings.ringing_out(calls)[0]
        if own is not None:
            return Ruling(decision, own, self._crossings.found(own, invitation, decision))
        return Ruling(self.decide(decision, invitation.purpose))

    def take_ring(self, talk: IncomingCall) -> None:
        """A view that is a talk from now on takes the call of ours that rings out to its caller, or
        over the line that it needs, as an invitation would (PROTOCOL 3). `follow` says the rest.
        """
        calls = list(self.calls.values())
        own = self._crossings.target(talk.remote_uid, calls)
        if own is None and self._taken(Purpose.TALK) > self.max_conversations:
            own = next(iter(self._crossings.ringing_out(calls)), None)
        if own is not None:
            self._crossings.add(talk, own)

    def decide(self, decision: Decision | None, purpose: Purpose = Purpose.TALK) -> Decision | None:
        """`decision`, or busy, for one that crosses nothing."""
        lets_in = decision is None or decision.lets_in
        asks = decision is not None and decision.action is Action.RING
        too_many = asks and len(self._ringing()) >= MAX_RINGING
        if (lets_in and self.is_full(purpose)) or too_many:
            return NO_PLACE_TO_VIEW if purpose is Purpose.VIEW else NO_LINE_FREE
        return decision

    def _known(self, invitation: ev.Invitation) -> AdmissionResult | None:
        """What a conversation of the same id, under way or over, makes of an invitation."""
        call = self.calls.get(invitation.conversation)
        if call is not None:
            if not isinstance(call, IncomingCall) or call.remote_uid != invitation.caller:
                return _refused("conversation_in_use")
            return AdmissionResult(Admission.REPEATED, tuple(call.repeat()))
        ended = self._ended.get(invitation.conversation)
        # a call of ours may have got another id on the wire: here it goes on under its first
        if ended is None:
            taken = any(
                each.conversation == invitation.conversation for each in self.calls.values()
            )
            return _refused("conversation_in_use") if taken else None
        if ended.uid != invitation.caller:
            return _refused("conversation_in_use")
        return AdmissionResult(Admission.REPEATED, (ended.answer,) if ended.answer else ())

    def add(self, call: AnyCall, own: OutgoingCall | None = None) -> list[FollowUp]:
        """A call begins; an invitation may cross `own`. One that is turned away is refused at once
        and takes no line. Returns what is to follow.
        """
        self.calls[call.signaled_as] = call
        if isinstance(call, OutgoingCall):
            return self._crossings.cross_waiting(call, self.calls.values())
        if own is not None:
            self._crossings.add(call, own)
        if call.turned_away:
            self._turned_away.add(call.signaled_as)
        return []

    def defer(self, call: AnyCall, event: ev.Input) -> list[FollowUp] | None:
        """What follows instead of `event`, which waits; None where `call` is to take it."""
        return self._crossings.defer(call, event)

    def follow(self, call: AnyCall) -> list[FollowUp]:
        """What a step of `call` means for those that it crosses; also after `remove`."""
        return self._crossings.follow(call)

    def rename(self, call: OutgoingCall, before: str, now: float) -> None:
        """`call` goes on under another id; whoever still answers under the old one is sent away."""
        self.calls.pop(before, None)
        self.calls[call.signaled_as] = call
        self._remember(
            before,
            Ended(call.remote_uid, now, None, ev.SendClose(call.remote_uid, CloseReason.CANCELLED)),
        )

    def remove(self, call: IncomingCall | OutgoingCall, now: float) -> None:
        """Forget a call that is closed, but for its answer."""
        self.calls.pop(call.signaled_as, None)
        self._turned_away.discard(call.signaled_as)
        answer = call.answer if isinstance(call, IncomingCall) else None
        reason = call.closed.reason if call.closed else None
        close = (
            ev.SendClose(call.remote_uid, reason)
            if reason and isinstance(call, OutgoingCall)
            else None
        )
        kept = answer if isinstance(answer, ev.SendResponse) else None
        self._remember(call.signaled_as, Ended(call.remote_uid, now, kept, close))

    def past(self, conversation: str, uid: str, reason: CloseReason, now: float) -> None:
        """A call of an earlier process: whoever invites again, or still answers us, hears that it
        is over.
        """
        close = ev.SendClose(uid, reason)
        self._remember(conversation, Ended(uid, now, close, close))

    def _remember(self, conversation: str, ended: Ended) -> None:
        before = self._ended.pop(conversation, None)
        self._ended[conversation] = ended
        self._size += ended.size - (before.size if before else 0)
        while len(self._ended) > MEMORY or self._size > MEMORY_SIZE:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._size -= self._ended.popitem(last=False)[1].size

    def unknown_close(self, conversation: str, sender: str, now: float) -> None:
        """A `close` for a conversation that is not known: its invitation, if it comes after all,
        must not ring.
        """
        self._withdrawn[(sender, conversation)] = now
        if len(self._withdrawn) > MEMORY:
            self._withdrawn.popitem(last=False)

    def unknown_response(
        self, conversation: str, event: ev.ResponseReceived | ev.RingingReceived
    ) -> list[ev.Effect]:
        """ACCEPTED or `ringing` after the end: tell that party, or it waits for what never
        comes.
        """
        ended = self._ended.get(conversation)
        if ended is None or ended.close is None:
            return []
        if isinstance(event, ev.ResponseReceived) and event.status is not CallStatus.ACCEPTED:
            return []
        return [ev.SendClose(event.uid, ended.close.reason)]

    def _forget(self, now: float) -> None:
        old = now - CLOSED_MEMORY_SECONDS
        while self._ended and next(iter(self._ended.values())).at < old:
            self._forget_oldest()
        while self._withdrawn and next(iter(self._withdrawn.values())) < old:
            self._withdrawn.popitem(last=False)


def _takes(purpose: Purpose, call: AnyCall) -> bool:
    """Whether it is for this that a call takes a place: a line, or one among those who look at this
    side. Whom we look at ourselves takes none.
    """
    if purpose is Purpose.TALK:
        return not call.looks
    return call.looks and isinstance(call, IncomingCall)


def _is_about_to_talk(call: AnyCall) -> bool:
    return isinstance(call, OutgoingCall) and call.viewing.asks


def _rings(call: AnyCall) -> bool:
    return isinstance(call, IncomingCall) and call.rings


def _refused(reason: str) -> AdmissionResult:
    return AdmissionResult(
        Admission.REFUSED, (ev.SendResponse(CallStatus.REJECTED, reason),), reason
    )
