"""The inviting side: one conversation and one offer for all targets, at once or in turn; the first
ACCEPTED wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agent.core.call import events as ev
from agent.core.call.answered import SHARED
from agent.core.call.base_call import Call
from agent.core.call.call_media import CallMedia
from agent.core.call.machine import Refused, State, Step, Table, Timing, row, stay
from agent.core.call.reasons import CallMode, CallStatus, CloseReason, Direction, Purpose, Side
from agent.core.call.refusals import speaks_for_uid
from agent.core.call.remote_peer import RemotePeer
from agent.core.call.renewing import catch_up, note_move
from agent.core.call.targets import Target, Targets
from agent.core.call.upgrading import request_talk
from agent.core.call.viewing import Viewing

_ENDS = {
    CallStatus.REJECTED: CloseReason.REJECTED,
    CallStatus.BUSY: CloseReason.USER_BUSY,
    CallStatus.TIMEOUT: CloseReason.INVITE_TIMEOUT,
}


@dataclass(slots=True)
class OwnInvitation:
    """What every target is sent. `second_id` is what the call is called on the wire if it has to go
    out once more.
    """

    lifetime: float
    user_data: Any = None
    second_id: str | None = None
    # whether our clock may be right
    clock_is_set: bool = True
    sdp: str = ""


class OutgoingCall(Call):
    """A call to which we invite. `start()` once, then `handle()`."""

    direction = Direction.OUTGOING

    def __init__(
        self,
        conversation: str,
        own_party: str,
        targets: Iterable[str],
        timing: Timing,
        now: float,
        *,
        mode: CallMode = CallMode.PARALLEL,
        lifetime: float = 30.0,
        user_data: Any = None,
        grant: ev.MediaGrant | None = None,
        second_id: str | None = None,
        clock_is_set: bool = True,
        purpose: Purpose = Purpose.TALK,
    ) -> None:
        """`second_id`: see `_invite_again`; `clock_is_set`: see `_believes_each`."""
        self.targets = Targets(targets, mode)
        self.invitation = OwnInvitation(lifetime, user_data, second_id, clock_is_set)
        viewing = Viewing(purpose)
        allowed = viewing.narrow(grant or ev.MediaGrant(), self.direction)
        super().__init__(
            conversation,
            own_party,
            timing,
            State.OFFERING,
            now,
            remote=RemotePeer(self.targets[0].uid),
            media=CallMedia(allowed, viewing=viewing),
            deadline=now + timing.setup,
        )

    def start(self, _now: float) -> list[ev.Effect]:
        return [self.create(ev.CreateOffer(0, self.media.grant))]

    # -- the targets -------------------------------------------------------------------------------

    def _invite(self, targets: Iterable[Target], now: float) -> list[ev.Effect]:
        invitation, effects = self.invitation, list[ev.Effect]()
        for target in targets:
            target.invited = True
            effects.append(
                ev.SendInvite(
                    target.uid,
                    invitation.sdp,
                    invitation.lifetime,
                    invitation.user_data,
                    self.viewing.purpose,
                )
            )
            effects += [ev.SendCandidate(target.uid, each) for each in self.candidates.found]
        self.deadline = now + invitation.lifetime
        return effects

    def _go_on(self, now: float, by: Side) -> Step:
        """A target is out: wait for the others, invite the next one, or give up."""
        if self.targets.waiting:
            return State.INVITING, []
        if self.targets.following:
            return State.INVITING, self._invite(self.targets.following, now)
        clock = self.targets.agreed_clock
        if clock is not None and self.invitation.second_id is not None:
            return self._invite_again(clock + now, self.invitation.second_id, now)
        status, reason = self.targets.outcome.status, self.targets.outcome.reason
        assert status is not None  # noqa: S101 - for the type checker
        self.call_status = status
        # else it is our own patience that ended
        if by is Side.REMOTE:
            self.marks.answered = now
        return self.end(now, _ENDS[status], by, [ev.InvitationAnswered(status, reason)])

    def _give_way(self, now: float, by: Side) -> Step:
        reason = CloseReason.ANSWERED_ELSEWHERE
        return self.end(now, reason, by, [*self.targets.withdraw(reason)])

    # -- rows --------------------------------------------------------------------------------------

    def _offer_ready(self, event: ev.DescriptionReady, now: float) -> Step:
        self.renewals.require_live(event.generation)
        self.invitation.sdp = event.sdp
        return State.INVITING, self._invite(self.targets.first, now)

    def _no_offer(self, event: ev.PeerFailed, now: float) -> Step:
        self.renewals.require_live(event.generation)
        raised = ev.ErrorRaised(event.code, event.message)
        tell: list[ev.Effect] = [raised, *self.targets.withdraw(event.reason)]
        return self.end(now, event.reason, Side.LOCAL, tell)

    def _hold_found(self, event: ev.CandidateFound, _now: float) -> Step:
        self.renewals.require_live(event.generation)
        self.candidates.found.append(event.candidate)
        return self.state, [
            ev.SendCandidate(target.uid, event.candidate) for target in self.targets.waiting
        ]

    def _hold_candidate(self, event: ev.CandidateReceived, _now: float) -> Step:
        self.targets.invited(event.uid)
        self.candidates.hold(event, self.timing.max_candidates)
        return self.state, []

    def _rings(self, event: ev.RingingReceived, _now: float) -> Step:
        target = self.targets.invited(event.uid)
        if target.status is not None:
            # another client of that uid has answered for it
            return self.state, [self._send_away(event.uid)]
        target.ring(event.party)
        return self.state, [ev.RemoteRinging(event.uid, event.expires_in)]

    def _response(self, event: ev.ResponseReceived, now: float) -> Step:
        target = self.targets.invited(event.uid)
        target.require_unanswered()
        if event.status == CallStatus.ACCEPTED:
            return self._accepted(target, event, now)
        if self.rival.uid is not None:
            return self._give_way(now, Side.REMOTE)
        second_id = self.invitation.second_id
        if event.now is not None and second_id is not None and self._believes_each:
            return self._invite_again(event.now, second_id, now)
        target.ringing.discard(event.party)
        for_all = speaks_for_uid(event.status, event.reason)
        if target.ringing and not for_all:
            # one client of this uid is out, another still asks its person
            return State.INVITING, []
        target.answer(event.status, event.reason)
        target.clock = None if event.now is None else event.now - now
        state, effects = self._go_on(now, Side.REMOTE)
        # its other clients may ask without having said so
        others: list[ev.Effect] = [ev.SendClose(event.uid, CloseReason.REJECTED)] if for_all else []
        return state, [*others, *effects]

    @property
    def _believes_each(self) -> bool:
        """Whether one target's word about the time is enough: where nobody else is invited by it,
        or we know that our clock is wrong.
        """
        return len([*self.targets]) == 1 or not self.invitation.clock_is_set

    def _invite_again(self, remote_now: float, second_id: str, now: float) -> Step:
        """Our clock is wrong, a remote peer says: everyone who waits, or could not be reached by
        our time, is invited once more, by its time (PROTOCOL 2).

        Under a new id, as the old one has been answered; for the application it stays the same
        call.
        """
        self.signaled_as, self.invitation.second_id = second_id, None
        waiting = self.targets.waiting
        again = waiting or [each for each in self.targets if each.status is CallStatus.TIMEOUT]
        withdrawn = [ev.SendClose(each.uid, CloseReason.CANCELLED) for each in again]
        for target in again:
            target.begin_anew()
        self.candidates.begin_anew()
        renamed = ev.InviteAgain(second_id, remote_now)
        invited = self._invite(waiting or self.targets.first, now)
        return State.INVITING, [*withdrawn, renamed, *invited]

    def _accepted(self, target: Target, event: ev.ResponseReceived, now: float) -> Step:
        if not event.sdp:
            raise Refused("ACCEPTED without an answer")
        target.status = CallStatus.ACCEPTED
        self.remote = RemotePeer(target.uid, event.party)
        self.media.expected = event.sends_media
        self.start_connecting(now)
        early = [held for held in self.candidates.release_early() if self.remote.is_sender(held)]
        # what the others sent does not count against the one who answered
        self.candidates.begin_anew()
        for held in early:
            self.candidates.take(held, self.timing.max_candidates)
        return State.CONNECTING, [
            ev.SendSelect(target.uid, event.party),
            *self.targets.withdraw(CloseReason.ANSWERED_ELSEWHERE, by=target.uid),
            ev.ApplyAnswer(0, event.sdp),
            *(ev.AddCandidate(0, held.candidate) for held in early),
            ev.InvitationAnswered(CallStatus.ACCEPTED),
            ev.StartMedia(0),
            *catch_up(self, now),
        ]

    def _unusable(self, event: ev.ErrorReceived, now: float) -> Step:
        """Our invitation could not be used there. Or another message: then nobody is left ringing
        all the same.
        """
        target = self.targets.invited(event.uid)
        target.require_unanswered()
        if self.rival.uid is not None:
            return self._give_way(now, Side.REMOTE)
        target.answer(CallStatus.REJECTED, event.code)
        state, effects = self._go_on(now, Side.REMOTE)
        told: list[ev.Effect] = [ev.ErrorRaised(event.code, event.message)]
        return state, [*told, ev.SendClose(event.uid, CloseReason.CANCELLED), *effects]

    def _declined_later(self, event: ev.CloseReceived, now: float) -> Step:
        """A `close` instead of a response: that target is out."""
        target = self.targets.invited(event.uid)
        target.require_unanswered()
        if self.rival.uid is not None:
            return self._give_way(now, Side.REMOTE)
        target.answer(CallStatus.REJECTED, event.reason.value)
        return self._go_on(now, Side.REMOTE)

    def _too_late(self, event: ev.ResponseReceived, _now: float) -> Step:
        """Another party was selected before."""
        if event.status != CallStatus.ACCEPTED or self.remote.is_sender(event):
            raise Refused("answered before")
        return self.state, [self._send_away(event.uid)]

    def _rings_too_late(self, event: ev.RingingReceived, _now: float) -> Step:
        if self.remote.is_sender(event):
            raise Refused("answered before")
        return self.state, [self._send_away(event.uid)]

    def _send_away(self, uid: str) -> ev.Effect:
        """The selected uid's other clients hear `select` again: they must not take a `close` for
        their own.
        """
        if self.targets.invited(uid).status is CallStatus.ACCEPTED:
            return ev.SendSelect(uid, self.remote.party or "")
        if self.targets.invited(uid).refused:
            return ev.SendClose(uid, CloseReason.REJECTED)
        by = self.remote_uid if self.accepted else None
        return ev.SendClose(uid, CloseReason.ANSWERED_ELSEWHERE, by)

    def _yield(self, event: ev.YieldRequested, now: float) -> Step:
        """Another call was accepted in the place of this one. The others hear it now; whoever may
        have accepted this one when it is sure that the other one holds.
        """
        self.rival.conversation = event.rival
        if event.uid is None or self.state is State.OFFERING:
            return self._give_way(now, Side.LOCAL)
        if self.rival.uid is None:
            self.rival.uid, self.rival.deadline = event.uid, self.deadline
        at = now + self.timing.giving_way
        self.deadline = at if self.deadline is None else min(self.deadline, at)
        return self.state, [*self.targets.keep(event.uid, CloseReason.ANSWERED_ELSEWHERE)]

    def _resume(self, _event: ev.ResumeRequested, _now: float) -> Step:
        if self.rival.uid is None:
            raise Refused("it does not give way")
        self.deadline = self.rival.deadline
        self.rival.forget()
        return self.state, []

    def _nobody(self, _event: ev.DeadlineReached, now: float) -> Step:
        self.require_due(now)
        if self.rival.uid is not None:
            return self._give_way(now, Side.LOCAL)
        withdrawn = self.targets.withdraw(CloseReason.INVITE_TIMEOUT)
        for target in self.targets.waiting:
            target.answer(CallStatus.TIMEOUT, "no_answer")
        state, effects = self._go_on(now, Side.LOCAL)
        return state, [*withdrawn, *effects]

    def _cancel(self, event: ev.CloseRequested, now: float) -> Step:
        reason = CloseReason.CANCELLED if event.reason == CloseReason.USER_HANGUP else event.reason
        return self.end(now, reason, Side.LOCAL, [*self.targets.withdraw(reason)])

    def _no_offer_in_time(self, _event: ev.DeadlineReached, now: float) -> Step:
        self.require_due(now)
        return self.end(now, CloseReason.OUT_OF_RESOURCES, Side.LOCAL, [])


_S = State
_ANSWERED = {
    ev.TalkRequested: stay(request_talk),
    ev.ResponseReceived: stay(OutgoingCall._too_late),
    ev.RingingReceived: stay(OutgoingCall._rings_too_late),
}
TABLE: Table = {
    _S.OFFERING: {
        ev.DescriptionReady: row(OutgoingCall._offer_ready, _S.INVITING),
        ev.PeerFailed: row(OutgoingCall._no_offer, _S.CLOSED),
        ev.CandidateFound: stay(OutgoingCall._hold_found),
        ev.RenewRequested: stay(note_move),
        ev.YieldRequested: row(OutgoingCall._yield, _S.CLOSED),
        ev.CloseRequested: row(OutgoingCall._cancel, _S.CLOSED),
        ev.DeadlineReached: row(OutgoingCall._no_offer_in_time, _S.CLOSED),
    },
    _S.INVITING: {
        ev.CandidateFound: stay(OutgoingCall._hold_found),
        ev.RenewRequested: stay(note_move),
        ev.CandidateReceived: stay(OutgoingCall._hold_candidate),
        ev.RingingReceived: stay(OutgoingCall._rings),
        ev.ResponseReceived: stay(OutgoingCall._response, _S.CONNECTING, _S.CLOSED),
        ev.ErrorReceived: stay(OutgoingCall._unusable, _S.CLOSED),
        ev.PeerFailed: row(OutgoingCall._no_offer, _S.CLOSED),
        ev.CloseReceived: stay(OutgoingCall._declined_later, _S.CLOSED),
        ev.YieldRequested: stay(OutgoingCall._yield, _S.CLOSED),
        ev.ResumeRequested: stay(OutgoingCall._resume),
        ev.CloseRequested: row(OutgoingCall._cancel, _S.CLOSED),
        ev.DeadlineReached: stay(OutgoingCall._nobody, _S.CLOSED),
    },
    _S.CONNECTING: {**SHARED[_S.CONNECTING], **_ANSWERED},
    _S.ESTABLISHED: {**SHARED[_S.ESTABLISHED], **_ANSWERED},
    _S.SILENT: {**SHARED[_S.SILENT], **_ANSWERED},
    _S.LOST: {**SHARED[_S.LOST], **_ANSWERED},
    _S.CLOSED: {},
}
OutgoingCall.TABLE = TABLE
