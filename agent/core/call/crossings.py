"""Calls that cross: whoever invites us is invited by us (PROTOCOL 3).

Of two conversations that invite each other the one with the lower id goes first: its invitee takes
it at once, and the other one is taken if that has not come about in a second. An invitation that
may take the place of a call of ours is its *rival* here, from the moment in which both are known
until one of them is closed. Every step of either is told to `follow`, which says what it means for
the other; the calls themselves have the deadlines.

The inviter of the call that goes first gives it up only when the other one is sure to hold (its
inviter has selected us, or is connected, or has been silent for `Timing.giving_way`), as its
invitee may have taken it in the same moment. So never do both of them give way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.core.call import events as ev
from agent.core.call.decision import NO_LINE_FREE, Decision
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CallStatus, CloseReason

AnyCall = IncomingCall | OutgoingCall
# an input that a call is to be given next
FollowUp = tuple[AnyCall, ev.Input]
_OPEN = (State.OFFERING, State.INVITING)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of an invitation that is NEW: what is decided about it, and the call of ours
    that it crosses.
    """

    decision: Decision | None
    own: OutgoingCall | None = None
    crossing: ev.CrossingFound | None = None


class Crossings:
    """Of the calls of one party."""

    def __init__(self) -> None:
        # each rival, with the call of ours whose place it may take
        self._own: dict[IncomingCall, OutgoingCall] = {}
        # refusals that wait for what becomes of the rival
        self._refusals: dict[OutgoingCall, ev.ResponseReceived] = {}

    def __len__(self) -> int:
        return len(self._own)

    def __contains__(self, call: AnyCall) -> bool:
        """Whether it competes with a call of ours."""
        return call in self._own

    def target(self, caller: str, calls: Iterable[AnyCall]) -> OutgoingCall | None:
        """The call of ours that invites `caller`, and whose place nobody else is taking."""
        return next(
            (own for own in self.ringing_out(calls) if own.targets.named(caller) is not None), None
        )

    def ringing_out(self, calls: Iterable[AnyCall]) -> list[OutgoingCall]:
        """The calls of ours whose place may be taken."""
        taken = {own for rival, own in self._own.items() if _takes(rival)}
        return [
            call
            for call in calls
            if isinstance(call, OutgoingCall)
            and call.state in _OPEN
            and not call.looks
            and call not in taken
        ]

    def found(
        self, own: OutgoingCall, invitation: ev.Invitation, decision: Decision | None
    ) -> ev.CrossingFound:
        """With what `invitation` takes the place of `own`; the rule that matches its caller says
        what may flow.
        """
        waits = _goes_first(own, invitation.caller, invitation.conversation)
        if decision is None:
            return ev.CrossingFound(own.conversation, waits, own.grant)
        return ev.CrossingFound(own.conversation, waits, decision.grant, decision.rule)

    def add(self, rival: IncomingCall, own: OutgoingCall) -> None:
        """They cross."""
        self._own[rival] = own

    def cross_waiting(self, own: OutgoingCall, calls: Iterable[AnyCall]) -> list[FollowUp]:
        """What `own`, which begins, is to whom it invites, and who is asked about here."""
        follow_ups: list[FollowUp] = []
        for call in calls:
            if not isinstance(call, IncomingCall) or not call.is_open or call in self._own:
                continue
            if call.looks or own.looks or own.targets.named(call.remote_uid) is None:
                continue
            found = self.found(own, call.invitation, call.decision)
            if call.decision is None and call.state is State.RINGING:
                found = ev.CrossingFound(found.rival, found.waits, found.grant, call.rule)
            self.add(call, own)
            follow_ups.append((call, found))
        return follow_ups

    def defer(self, call: AnyCall, event: ev.Input) -> list[FollowUp] | None:
        """Whoever is invited by a call of ours refuses it, while it invites us itself: then the
        rival is taken now, and the refusal waits for what becomes of it. None: it does not wait.
        """
        if not isinstance(call, OutgoingCall) or not isinstance(event, ev.ResponseReceived):
            return None
        refuses = event.status is not CallStatus.ACCEPTED and event.now is None
        rivals = [each for each in self._rivals(call) if each.remote_uid == event.uid]
        if not refuses or not rivals or call.state not in _OPEN:
            return None
        self._refusals[call] = event
        return [_take(each) for each in rivals if each.state is State.CROSSING][:1]

    def follow(self, call: AnyCall) -> list[FollowUp]:
        """What the state that `call` is in now means for those that it crosses."""
        if isinstance(call, OutgoingCall):
            return self._follow_own(call)
        own = self._own.get(call)
        if own is None:
            return []
        if call.state is State.CLOSED:
            del self._own[call]
            return self._follow_closed(call, own)
        if call.state is State.CROSSING and own in self._refusals:
            return [_take(call)]
        if call.state is State.ANSWERING:
            # one of them at a time: the others hear that the line is taken
            others = [each for each in self._rivals(own) if each is not call]
            late = [call] if any(map(_takes, others)) else others
            return [(each, NO_LINE_FREE.request) for each in late]
        return _settle(own, call) if call.accepted else []

    def _rivals(self, own: OutgoingCall) -> list[IncomingCall]:
        return [rival for rival, each in self._own.items() if each is own]

    def _follow_closed(self, rival: IncomingCall, own: OutgoingCall) -> list[FollowUp]:
        if own.state is State.CLOSED:
            return []
        refusal = None if self._rivals(own) else self._refusals.pop(own, None)
        follow_ups: list[FollowUp] = []
        if rival.call_status is CallStatus.ACCEPTED:
            # its inviter has taken ours instead; or it has been had, and is over
            elsewhere = rival.closed and rival.closed.reason is CloseReason.ANSWERED_ELSEWHERE
            over = ev.ResumeRequested() if elsewhere else _yield_to(rival, own)
            follow_ups.append((own, over))
        if refusal is not None:
            follow_ups.append((own, refusal))
        return follow_ups

    def _follow_own(self, own: OutgoingCall) -> list[FollowUp]:
        rivals = self._rivals(own)
        if own.accepted:
            return [each for rival in rivals for each in _settle(own, rival)]
        if own.state is not State.CLOSED:
            return []
        self._refusals.pop(own, None)
        for rival in rivals:
            del self._own[rival]
        cancelled = own.closed is not None and own.closed.reason is CloseReason.CANCELLED
        return _cancelled(rivals) if cancelled else _left(rivals)


def _key(conversation: str) -> tuple[str, str]:
    """By what ids are compared: in lower case, and as they stand where that is the same."""
    return conversation.lower(), conversation


def _goes_first(own: OutgoingCall, caller: str, conversation: str) -> bool:
    """Whether `own` has the lower id, and `caller` is invited and may take it yet."""
    target = own.targets.named(caller)
    if target is None or _key(own.signaled_as) >= _key(conversation):
        return False
    return target.waiting or (own.state is State.OFFERING and target in own.targets.first)


def _takes(rival: IncomingCall) -> bool:
    """Whether it is taking the place of ours."""
    return rival.state is State.ANSWERING or rival.accepted


def _take(rival: IncomingCall) -> FollowUp:
    crossing = rival.rival.crossing
    assert crossing is not None  # noqa: S101 - for the type checker
    return rival, ev.AcceptRequested(crossing.grant, crossing.rule)


def _settle(own: OutgoingCall, rival: IncomingCall) -> list[FollowUp]:
    """One of the two was accepted: the other one gives way; if both were, the higher id does."""
    theirs_first = _key(rival.conversation) < _key(own.signaled_as)
    if own.accepted:
        if rival.accepted and theirs_first:
            return [(own, _yield_to(rival, own))]
        return [(rival, ev.YieldRequested(own.conversation, goes_first=not theirs_first))]
    if own.state not in _OPEN:
        return []
    first = _goes_first(own, rival.remote_uid, rival.conversation)
    holds = rival.remote.selects or rival.state is not State.CONNECTING
    uid = rival.remote_uid if first and not holds else None
    return [(own, _yield_to(rival, own, uid))]


def _yield_to(rival: IncomingCall, own: OutgoingCall, uid: str | None = None) -> ev.YieldRequested:
    theirs_first = _key(rival.conversation) < _key(own.signaled_as)
    return ev.YieldRequested(rival.conversation, uid, theirs_first)


def _cancelled(rivals: list[IncomingCall]) -> list[FollowUp]:
    """We have hung up: the rivals are judged by themselves, also one that has yet to begin, and who
    was let in for the sake of our call alone goes with it.
    """
    follow_ups: list[FollowUp] = []
    for rival in rivals:
        if not rival.accepted:
            follow_ups.append((rival, ev.ResumeRequested()))
        elif not rival.accepted_by_rule:
            follow_ups.append((rival, ev.CloseRequested()))
    return follow_ups


def _left(rivals: list[IncomingCall]) -> list[FollowUp]:
    """Ours is over: one of the rivals is there in its place."""
    waiting = [rival for rival in rivals if rival.state is State.CROSSING]
    taken = any(_takes(rival) for rival in rivals)
    next_, rest = (None, waiting) if taken else (waiting[:1], waiting[1:])
    busy: list[FollowUp] = [(rival, NO_LINE_FREE.request) for rival in rest]
    return [*map(_take, next_ or ()), *busy]
