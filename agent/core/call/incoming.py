"""The invited side: from the invitation to the answer."""

from __future__ import annotations

from dataclasses import replace

from agent.core.call import events as ev
from agent.core.call.answered import SHARED, add_candidate
from agent.core.call.base_call import Call
from agent.core.call.call_media import CallMedia
from agent.core.call.decision import Action, Decision
from agent.core.call.machine import Refused, State, Step, Table, Timing, row, stay
from agent.core.call.reasons import REASON_EXPIRED, CallStatus, CloseReason, Direction, Side
from agent.core.call.remote_peer import RemotePeer
from agent.core.call.renewing import catch_up, complain, note_move
from agent.core.call.upgrading import allow_talk, deny_talk, look_again, take_view
from agent.core.call.viewing import Viewing

_TOO_LATE = ev.RejectRequested(CallStatus.TIMEOUT, REASON_EXPIRED)


def is_expired(invitation: ev.Invitation, timing: Timing) -> bool:
    """Whether it had outlived `sentAt + lifetime` when it came (PROTOCOL 2), or is of a time to
    come: it would never expire, however long it waits in a queue.
    """
    age, skew = invitation.age, timing.clock_skew
    return age is not None and not -skew <= age <= invitation.lifetime + skew


class IncomingCall(Call):
    """A call to which the remote peer invited us. `start()` once, then `handle()`."""

    direction = Direction.INCOMING

    def __init__(
        self,
        invitation: ev.Invitation,
        own_party: str,
        timing: Timing,
        now: float,
        decision: Decision | None = None,
        crossing: ev.CrossingFound | None = None,
    ) -> None:
        """`decision` is carried out by `start()`. None: the application will accept, reject or
        ring. Where the invitation crosses a call of ours, `crossing` goes before it.
        """
        if invitation.one_transport:
            timing = replace(timing, max_renewals=0)
        age = invitation.age if invitation.age is not None else 0.0
        left = min(invitation.lifetime, invitation.lifetime + timing.clock_skew - age)
        super().__init__(
            invitation.conversation,
            own_party,
            timing,
            State.INVITED,
            now,
            remote=RemotePeer(invitation.caller, invitation.party),
            media=CallMedia(
                ev.MediaGrant(),
                viewing=Viewing(invitation.purpose, listens=invitation.one_transport),
            ),
            deadline=now + left,
        )
        self.invitation = invitation
        self.decision = decision
        self.answer: ev.SendRinging | ev.SendResponse | None = None
        self.rival.crossing = crossing

    @property
    def expired(self) -> bool:
        """See `is_expired`."""
        return is_expired(self.invitation, self.timing)

    @property
    def turned_away(self) -> bool:
        """Whether it is refused before anybody is asked; then it takes no line."""
        return self.expired or (self.decision is not None and not self.decision.lets_in)

    @property
    def rings(self) -> bool:
        """Whether somebody is asked about it, or is about to be: until then it takes no line."""
        crosses = self.rival.crossing is not None
        asks = not crosses and self.decision is not None and self.decision.action is Action.RING
        return self.state is State.RINGING or (asks and self.state is State.INVITED)

    @property
    def is_open(self) -> bool:
        """Whether somebody, or the application, is asked about it."""
        return self.rings or (self.state is State.INVITED and self.decision is None)

    @property
    def waits(self) -> bool:
        """Whether a call of ours that it crosses goes first."""
        return self.rival.crossing is not None and self.rival.crossing.waits

    @property
    def accepted_by_rule(self) -> bool:
        """Whether it is taken whatever it crosses."""
        return self.decision is not None and self.decision.action is Action.ACCEPT

    def start(self, now: float) -> list[ev.Effect]:
        """The first effects: `Called`, then what the decision says. One that came too late is
        answered TIMEOUT, whatever the decision.
        """
        called = ev.Called(self.invitation.user_data)
        if self.expired:
            return [called, *self.handle(_TOO_LATE, now).effects]
        request = self.rival.crossing or (self.decision and self.decision.request)
        return [called, *(self.handle(request, now).effects if request else [])]

    def repeat(self) -> list[ev.Effect]:
        """The same invitation came again: the same answer goes out again, and nothing else
        happens.
        """
        return [self.answer] if self.answer else []

    # -- rows --------------------------------------------------------------------------------------

    def _ring(self, event: ev.RingRequested, now: float) -> Step:
        assert self.deadline is not None  # noqa: S101 - for the type checker; it is the invitation's
        self.rule = event.rule
        self.media.grant = self.viewing.narrow(event.grant, self.direction)
        if event.longest is not None:
            self.deadline = min(self.deadline, now + event.longest)
        self.answer = ev.SendRinging(max(0.0, self.deadline - now))
        return State.RINGING, [self.answer]

    def _cross(self, event: ev.CrossingFound, now: float) -> Step:
        self.rival.conversation, self.rival.crossing = event.rival, event
        if not event.waits:
            return self._take_place(now)
        self.rival.deadline = self.deadline
        at = now + self.timing.crossing
        self.deadline = at if self.deadline is None else min(self.deadline, at)
        return State.CROSSING, []

    def _take_place(self, now: float) -> Step:
        crossing = self.rival.crossing
        assert crossing is not None  # noqa: S101 - for the type checker
        return self._accept(ev.AcceptRequested(crossing.grant, crossing.rule), now)

    def _take_untaken(self, _event: ev.DeadlineReached, now: float) -> Step:
        """The one that goes first was not taken in time."""
        self.require_due(now)
        return self._take_place(now)

    def _resume(self, _event: ev.ResumeRequested, now: float) -> Step:
        """It is decided about as if it had crossed nothing."""
        self.deadline = self.rival.deadline
        self.rival.forget()
        if self.decision is None:
            return (State.RINGING, []) if self.answer else (State.INVITED, [])
        if self.decision.action is Action.RING:
            again = self.decision
            return self._ring(ev.RingRequested(again.rule, again.grant, again.ring_time), now)
        return self._accept(ev.AcceptRequested(self.decision.grant, self.decision.rule), now)

    def _resume_taken(self, _event: ev.ResumeRequested, now: float) -> Step:
        """It is being taken in place of a call of ours that was called off in the same moment."""
        if self.accepted_by_rule:
            return self.state, []
        return self._leave(ev.CloseRequested(), now)

    def _yield(self, event: ev.YieldRequested, now: float) -> Step:
        return self.give_way(now, event.rival)

    def _accept(self, event: ev.AcceptRequested, now: float) -> Step:
        grant = event.grant or self.media.grant
        self.media.grant = self.viewing.narrow(grant, self.direction)
        self.rule = event.rule or self.rule
        self.deadline = now + self.timing.setup
        if self.media.grant.ice_servers:
            self.media.ice_servers = tuple(
                replace(server, is_foreign=True) for server in self.invitation.ice_servers
            )
        sdp, media = self.invitation.sdp, self.media
        return State.ANSWERING, [
            self.create(ev.CreateAnswer(0, sdp, media.grant, media.ice_servers)),
            *(ev.AddCandidate(0, held.candidate) for held in self.candidates.release_early()),
        ]

    def _reject(self, event: ev.RejectRequested, now: float) -> Step:
        if event.status == CallStatus.ACCEPTED:
            raise Refused("a rejection cannot say ACCEPTED")
        reason = {
            CallStatus.BUSY: CloseReason.USER_BUSY,
            CallStatus.TIMEOUT: CloseReason.INVITE_TIMEOUT,
        }.get(event.status, CloseReason.REJECTED)
        self.rule = event.rule or self.rule
        return self._refuse(now, event.status, event.reason, reason)

    def _refuse(
        self,
        now: float,
        status: CallStatus,
        code: str,
        reason: CloseReason,
        *,
        failure: ev.PeerFailed | None = None,
    ) -> Step:
        self.call_status = status
        self.marks.answered = now
        self.answer = ev.SendResponse(status, code)
        effects: list[ev.Effect] = [self.answer, *complain(self, failure)]
        if failure is not None:
            effects.insert(0, ev.ErrorRaised(failure.code, failure.message))
        told = ev.InvitationAnswered(status, code, self.rule)
        return self.end(now, reason, Side.LOCAL, [*effects, told])

    def _answer(self, event: ev.DescriptionReady, now: float) -> Step:
        self.renewals.require_live(event.generation)
        self.start_connecting(now)
        self.answer = ev.SendResponse(CallStatus.ACCEPTED, sdp=event.sdp)
        return State.CONNECTING, [
            self.answer,
            ev.InvitationAnswered(CallStatus.ACCEPTED, rule=self.rule),
            *(ev.SendCandidate(self.remote.uid, each) for each in self.candidates.release_found()),
            ev.StartMedia(0),
            *catch_up(self, now),
        ]

    def _cannot_answer(self, event: ev.PeerFailed, now: float) -> Step:
        self.renewals.require_live(event.generation)
        return self._refuse(now, CallStatus.REJECTED, event.code, event.reason, failure=event)

    def _hold_candidate(self, event: ev.CandidateReceived, _now: float) -> Step:
        self.remote.require(event)
        self.candidates.hold(event, self.timing.max_candidates)
        return self.state, []

    def _hold_found(self, event: ev.CandidateFound, _now: float) -> Step:
        """Found before the answer is out: it follows it."""
        self.renewals.require_live(event.generation)
        self.candidates.found.append(event.candidate)
        return self.state, []

    def _withdrawn(self, event: ev.CloseReceived, now: float) -> Step:
        self.remote.require(event)
        # another client of our own uid has spoken for all of them
        told = event.reason in (CloseReason.ANSWERED_ELSEWHERE, CloseReason.REJECTED)
        self.rival.taken_by = event.by
        return self.end(now, event.reason if told else CloseReason.CANCELLED, Side.REMOTE, [])

    def _selected(self, event: ev.SelectReceived, now: float) -> Step:
        """Another client of our own uid answered first, or it is we who did."""
        self.remote.require(event)
        if event.selected == self.own_party:
            self.remote.selects = True
            return self.state, []
        # it is not our other call that takes its place
        self.rival.forget()
        return self.end(now, CloseReason.ANSWERED_ELSEWHERE, Side.REMOTE, [])

    def _unanswered(self, _event: ev.DeadlineReached, now: float) -> Step:
        self.require_due(now)
        return self._refuse(now, CallStatus.TIMEOUT, "no_answer", CloseReason.INVITE_TIMEOUT)

    def _answer_overdue(self, _event: ev.DeadlineReached, now: float) -> Step:
        self.require_due(now)
        return self._refuse(now, CallStatus.REJECTED, "setup_timeout", CloseReason.OUT_OF_RESOURCES)

    def _leave(self, event: ev.CloseRequested, now: float) -> Step:
        """Closed by us before an answer: the caller waits for a response, so that is what it
        gets.
        """
        if event.reason == CloseReason.USER_HANGUP:
            return self._refuse(now, CallStatus.REJECTED, "rejected", CloseReason.REJECTED)
        return self._refuse(now, CallStatus.REJECTED, event.reason.value, event.reason)


_S = State
_UNDECIDED = {
    ev.AcceptRequested: row(IncomingCall._accept, _S.ANSWERING),
    ev.RejectRequested: row(IncomingCall._reject, _S.CLOSED),
    ev.CandidateReceived: stay(IncomingCall._hold_candidate),
    ev.CloseReceived: row(IncomingCall._withdrawn, _S.CLOSED),
    ev.SelectReceived: stay(IncomingCall._selected, _S.CLOSED),
    ev.CloseRequested: row(IncomingCall._leave, _S.CLOSED),
    ev.DeadlineReached: row(IncomingCall._unanswered, _S.CLOSED),
}
_ANSWERED = {
    ev.SelectReceived: stay(IncomingCall._selected, _S.CLOSED),
    ev.TalkAllowed: stay(allow_talk),
    ev.TalkDenied: stay(deny_talk),
}
_LOOKS_AGAIN = {ev.ViewRequested: stay(look_again)}
_CROSSED = {ev.CrossingFound: row(IncomingCall._cross, _S.CROSSING, _S.ANSWERING)}
_GIVES_WAY = {ev.YieldRequested: row(IncomingCall._yield, _S.CLOSED)}
TABLE: Table = {
    _S.INVITED: {**_UNDECIDED, **_CROSSED, ev.RingRequested: row(IncomingCall._ring, _S.RINGING)},
    _S.RINGING: {**_UNDECIDED, **_CROSSED},
    _S.CROSSING: {
        **_UNDECIDED,
        **_GIVES_WAY,
        ev.ResumeRequested: row(IncomingCall._resume, _S.INVITED, _S.RINGING, _S.ANSWERING),
        ev.DeadlineReached: row(IncomingCall._take_untaken, _S.ANSWERING),
    },
    _S.ANSWERING: {
        **_GIVES_WAY,
        ev.ResumeRequested: stay(IncomingCall._resume_taken, _S.CLOSED),
        ev.RejectRequested: row(IncomingCall._reject, _S.CLOSED),
        ev.DescriptionReady: row(IncomingCall._answer, _S.CONNECTING),
        ev.PeerFailed: row(IncomingCall._cannot_answer, _S.CLOSED),
        ev.CandidateReceived: stay(add_candidate),
        ev.CandidateFound: stay(IncomingCall._hold_found),
        ev.RenewRequested: stay(note_move),
        ev.CloseReceived: row(IncomingCall._withdrawn, _S.CLOSED),
        ev.SelectReceived: stay(IncomingCall._selected, _S.CLOSED),
        ev.CloseRequested: row(IncomingCall._leave, _S.CLOSED),
        ev.DeadlineReached: row(IncomingCall._answer_overdue, _S.CLOSED),
    },
    _S.CONNECTING: {**SHARED[_S.CONNECTING], **_ANSWERED},
    _S.ESTABLISHED: {
        **SHARED[_S.ESTABLISHED],
        **_ANSWERED,
        **_LOOKS_AGAIN,
        ev.TakeRequested: stay(take_view),
    },
    _S.SILENT: {**SHARED[_S.SILENT], **_ANSWERED, **_LOOKS_AGAIN},
    _S.LOST: {**SHARED[_S.LOST], **_ANSWERED, **_LOOKS_AGAIN},
    _S.CLOSED: {},
}
IncomingCall.TABLE = TABLE
