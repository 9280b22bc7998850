"""The invited side: from the invitation to the answer."""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.answered import SHARED, AnsweredCall
from agent.core.call.decision import Decision
from agent.core.call.machine import Refused, State, Table, Timing, row, stay
from agent.core.call.reasons import REASON_EXPIRED, CallStatus, CloseReason, Direction, Side

_TOO_LATE = ev.RejectRequested(CallStatus.TIMEOUT, REASON_EXPIRED)


def is_expired(invitation: ev.Invitation, timing: Timing) -> bool:
    """Whether it had outlived `sentAt + lifetime` when it came (PROTOCOL 2)."""
    age = invitation.age
    return age is not None and age > invitation.lifetime + timing.clock_skew


class IncomingCall(AnsweredCall):
    """A call to which the remote peer invited us. `start()` once, then `handle()`."""

    direction = Direction.INCOMING

    def __init__(
        self,
        invitation: ev.Invitation,
        own_party: str,
        timing: Timing,
        now: float,
        decision: Decision | None = None,
    ) -> None:
        """`decision` is carried out by `start()`. None: the application will accept, reject or
        ring.
        """
        super().__init__(invitation.conversation, own_party, timing, State.INVITED, now)
        self.invitation = invitation
        self.decision = decision
        self.remote_uid = invitation.caller
        self.remote_party = invitation.party
        self.ice_servers = invitation.ice_servers
        self.answer: ev.SendRinging | ev.SendResponse | None = None
        self._early: list[ev.IceCandidate | None] = []
        self._found: list[ev.IceCandidate | None] = []
        age = invitation.age if invitation.age is not None else 0.0
        self._answer_until = now + min(
            invitation.lifetime, invitation.lifetime + timing.clock_skew - age
        )
        self._deadline = self._answer_until

    @property
    def expired(self) -> bool:
        """Whether the invitation had outlived `sentAt + lifetime` when it came (PROTOCOL 2)."""
        return is_expired(self.invitation, self.timing)

    @property
    def turned_away(self) -> bool:
        """Whether it is refused before anybody is asked; then it takes no line."""
        return self.expired or (self.decision is not None and not self.decision.lets_in)

    def start(self, now: float) -> list[ev.Effect]:
        """The first effects: `Called`, then what the decision says. One that came too late is
        answered TIMEOUT, whatever the decision.
        """
        called = ev.Called(self.invitation.user_data)
        if self.expired:
            return [called, *self.handle(_TOO_LATE, now).effects]
        if self.decision is None:
            return [called]
        return [called, *self.handle(self.decision.request, now).effects]

    def repeat(self) -> list[ev.Effect]:
        """The same invitation came again: the same answer goes out again, and nothing else
        happens.
        """
        return [self.answer] if self.answer else []

    # -- rows --------------------------------------------------------------------------------------

    def _ring(self, event: ev.RingRequested, now: float) -> tuple[State, list[ev.Effect]]:
        self.rule = event.rule
        self.grant = event.grant
        self.answer = ev.SendRinging(max(0.0, self._answer_until - now))
        return State.RINGING, [self.answer]

    def _accept(self, event: ev.AcceptRequested, now: float) -> tuple[State, list[ev.Effect]]:
        self.grant = event.grant or self.grant
        self.rule = event.rule or self.rule
        self._deadline = now + self.timing.setup
        create = ev.CreateAnswer(0, self.invitation.sdp, self.grant, self.ice_servers)
        early, self._early = self._early, []
        return State.ANSWERING, [
            self.create(create),
            *(ev.AddCandidate(0, candidate) for candidate in early),
        ]

    def _reject(self, event: ev.RejectRequested, now: float) -> tuple[State, list[ev.Effect]]:
        if event.status == CallStatus.ACCEPTED:
            raise Refused("a rejection cannot say ACCEPTED")
        reason = {
            CallStatus.BUSY: CloseReason.USER_BUSY,
            CallStatus.TIMEOUT: CloseReason.INVITE_TIMEOUT,
        }.get(event.status, CloseReason.REJECTED)
        self.rule = event.rule or self.rule
        return self._refuse(now, event.status, event.reason, reason)

    def _refuse(
        self, now: float, status: CallStatus, code: str, reason: CloseReason, *before: ev.Effect
    ) -> tuple[State, list[ev.Effect]]:
        self.call_status = status
        self.marks.answered = now
        self.answer = ev.SendResponse(status, code)
        return self.end(
            now,
            reason,
            Side.LOCAL,
            [*before, self.answer, ev.InvitationAnswered(status, code, self.rule)],
        )

    def _answer(self, event: ev.DescriptionReady, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        self.start_connecting(now)
        self.answer = ev.SendResponse(CallStatus.ACCEPTED, sdp=event.sdp)
        found, self._found = self._found, []
        return State.CONNECTING, [
            self.answer,
            ev.InvitationAnswered(CallStatus.ACCEPTED, rule=self.rule),
            *(ev.SendCandidate(self.remote_uid, candidate) for candidate in found),
            ev.StartMedia(0),
            *self.catch_up(now),
        ]

    def _cannot_answer(self, event: ev.PeerFailed, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        raised = ev.ErrorRaised(event.code, event.message)
        return self._refuse(now, CallStatus.REJECTED, event.code, event.reason, raised)

    def _hold_candidate(
        self, event: ev.CandidateReceived, _now: float
    ) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        self.count_candidate()
        self._early.append(event.candidate)
        return self.state, []

    def _hold_found(self, event: ev.CandidateFound, _now: float) -> tuple[State, list[ev.Effect]]:
        """Found before the answer is out: it follows it."""
        self.must_be_live(event.generation)
        self._found.append(event.candidate)
        return self.state, []

    def _withdrawn(self, event: ev.CloseReceived, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        elsewhere = event.reason == CloseReason.ANSWERED_ELSEWHERE
        return self.end(now, event.reason if elsewhere else CloseReason.CANCELLED, Side.REMOTE, [])

    def _selected(self, event: ev.SelectReceived, now: float) -> tuple[State, list[ev.Effect]]:
        """Another client of our own uid answered first, or it is we who did."""
        self.must_be_far_side(event)
        if event.selected == self.own_party:
            return self.state, []
        return self.end(now, CloseReason.ANSWERED_ELSEWHERE, Side.REMOTE, [])

    def _unanswered(self, _event: ev.DeadlineReached, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_due(now)
        return self._refuse(now, CallStatus.TIMEOUT, "no_answer", CloseReason.INVITE_TIMEOUT)

    def _answer_overdue(
        self, _event: ev.DeadlineReached, now: float
    ) -> tuple[State, list[ev.Effect]]:
        self.must_be_due(now)
        return self._refuse(now, CallStatus.REJECTED, "setup_timeout", CloseReason.OUT_OF_RESOURCES)

    def _leave(self, event: ev.CloseRequested, now: float) -> tuple[State, list[ev.Effect]]:
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
_SELECT = {ev.SelectReceived: stay(IncomingCall._selected, _S.CLOSED)}
TABLE: Table = {
    _S.INVITED: {**_UNDECIDED, ev.RingRequested: row(IncomingCall._ring, _S.RINGING)},
    _S.RINGING: _UNDECIDED,
    _S.ANSWERING: {
        ev.DescriptionReady: row(IncomingCall._answer, _S.CONNECTING),
        ev.PeerFailed: row(IncomingCall._cannot_answer, _S.CLOSED),
        ev.CandidateReceived: stay(AnsweredCall._add_candidate),
        ev.CandidateFound: stay(IncomingCall._hold_found),
        ev.RenewRequested: stay(IncomingCall._moved_early),
        ev.CloseReceived: row(IncomingCall._withdrawn, _S.CLOSED),
        ev.SelectReceived: stay(IncomingCall._selected, _S.CLOSED),
        ev.CloseRequested: row(IncomingCall._leave, _S.CLOSED),
        ev.DeadlineReached: row(IncomingCall._answer_overdue, _S.CLOSED),
    },
    _S.CONNECTING: {**SHARED[_S.CONNECTING], **_SELECT},
    _S.ESTABLISHED: {**SHARED[_S.ESTABLISHED], **_SELECT},
    _S.LOST: {**SHARED[_S.LOST], **_SELECT},
    _S.CLOSED: {},
}
IncomingCall.TABLE = TABLE
