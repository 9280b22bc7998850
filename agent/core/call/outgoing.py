"""The inviting side: one conversation and one offer for all targets, at once or in turn; the first
ACCEPTED wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent.core.call import events as ev
from agent.core.call.answered import SHARED, AnsweredCall
from agent.core.call.machine import Refused, State, Table, Timing, row, stay
from agent.core.call.reasons import CallMode, CallStatus, CloseReason, Direction, Side

_ENDS = {
    CallStatus.REJECTED: CloseReason.REJECTED,
    CallStatus.BUSY: CloseReason.USER_BUSY,
    CallStatus.TIMEOUT: CloseReason.INVITE_TIMEOUT,
}


class Target:
    """One uid that is invited. `status` is None while its answer is open."""

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self.invited = False
        # parties at which a person is being asked
        self.ringing: set[str] = set()
        self.status: CallStatus | None = None
        self.reason: str | None = None

    @property
    def waiting(self) -> bool:
        return self.invited and self.status is None


class OutgoingCall(AnsweredCall):
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
    ) -> None:
        """`second_id` is what the call is called on the wire if it has to go out once more (see
        `_invite_again`).
        """
        super().__init__(conversation, own_party, timing, State.OFFERING, now)
        self.targets = [Target(uid) for uid in dict.fromkeys(targets)]
        if not self.targets:
            raise ValueError("a call needs at least one target")
        self.remote_uid = self.targets[0].uid
        self.mode = mode
        self.lifetime = lifetime
        self.user_data = user_data
        self.grant = grant or ev.MediaGrant()
        self._deadline = now + timing.setup
        self._second_id = second_id
        self._sdp = ""
        self._found: list[ev.IceCandidate | None] = []
        self._early: list[ev.CandidateReceived] = []

    def start(self, _now: float) -> list[ev.Effect]:
        return [self.create(ev.CreateOffer(0, self.grant))]

    # -- the targets -------------------------------------------------------------------------------

    def _target(self, uid: str) -> Target:
        for target in self.targets:
            if target.uid == uid and target.invited:
                return target
        raise Refused(f"{uid} was not invited")

    def _invite(self, targets: Iterable[Target], now: float) -> list[ev.Effect]:
        effects: list[ev.Effect] = []
        for target in targets:
            target.invited = True
            effects.append(ev.SendInvite(target.uid, self._sdp, self.lifetime, self.user_data))
            effects += [ev.SendCandidate(target.uid, candidate) for candidate in self._found]
        self._deadline = now + self.lifetime
        return effects

    def _withdraw(self, reason: CloseReason, *, but: str | None = None) -> list[ev.Effect]:
        """Nobody is left ringing."""
        return [
            ev.SendClose(target.uid, reason)
            for target in self.targets
            if target.waiting and target.uid != but
        ]

    def _go_on(self, now: float, by: Side) -> tuple[State, list[ev.Effect]]:
        """A target is out: wait for the others, invite the next one, or give up."""
        if any(target.waiting for target in self.targets):
            return State.INVITING, []
        following = [target for target in self.targets if not target.invited]
        if following:
            return State.INVITING, self._invite(following[:1], now)
        answers = [target.status for target in self.targets if target.status]
        status = next(
            s for s in (CallStatus.TIMEOUT, CallStatus.BUSY, CallStatus.REJECTED) if s in answers
        )
        reason = next(target.reason for target in self.targets if target.status == status)
        self.call_status = status
        # else it is our own patience that ended
        if by is Side.REMOTE:
            self.marks.answered = now
        return self.end(now, _ENDS[status], by, [ev.InvitationAnswered(status, reason)])

    # -- rows --------------------------------------------------------------------------------------

    def _offer_ready(self, event: ev.DescriptionReady, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        self._sdp = event.sdp
        first = self.targets if self.mode == CallMode.PARALLEL else self.targets[:1]
        return State.INVITING, self._invite(first, now)

    def _no_offer(self, event: ev.PeerFailed, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        tell = [ev.ErrorRaised(event.code, event.message), *self._withdraw(event.reason)]
        return self.end(now, event.reason, Side.LOCAL, tell)

    def _hold_found(self, event: ev.CandidateFound, _now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        self._found.append(event.candidate)
        return self.state, [
            ev.SendCandidate(target.uid, event.candidate)
            for target in self.targets
            if target.waiting
        ]

    def _hold_candidate(
        self, event: ev.CandidateReceived, _now: float
    ) -> tuple[State, list[ev.Effect]]:
        self._target(event.uid)
        self.count_candidate()
        self._early.append(event)
        return self.state, []

    def _rings(self, event: ev.RingingReceived, _now: float) -> tuple[State, list[ev.Effect]]:
        target = self._target(event.uid)
        if target.status is not None:
            # another client of that uid has answered for it
            return self.state, [self._sent_away(event.uid)]
        if event.party in target.ringing:
            raise Refused(f"{event.uid}/{event.party} rang before")
        if len(target.ringing) >= 8:
            raise Refused(f"too many parties ring at {event.uid}")
        target.ringing.add(event.party)
        return self.state, [ev.RemoteRinging(event.uid, event.expires_in)]

    def _response(self, event: ev.ResponseReceived, now: float) -> tuple[State, list[ev.Effect]]:
        target = self._target(event.uid)
        if target.status is not None:
            raise Refused(f"{event.uid} has answered")
        if event.status == CallStatus.ACCEPTED:
            return self._accepted(target, event, now)
        if event.now is not None and self._second_id is not None:
            return self._invite_again(event.now, now)
        target.ringing.discard(event.party)
        if target.ringing:
            # one client of this uid is out, another still asks its person
            return State.INVITING, []
        target.status, target.reason = event.status, event.reason
        return self._go_on(now, Side.REMOTE)

    def _invite_again(self, remote_now: float, now: float) -> tuple[State, list[ev.Effect]]:
        """Our clock is wrong, a far side says: everyone still waiting is invited once more, by its
        time (PROTOCOL 2).

        Under a new id, as the old one has been answered; for the application it stays the same
        call.
        """
        assert self._second_id is not None  # noqa: S101 - for the type checker
        self.signaled_as, self._second_id = self._second_id, None
        waiting = [target for target in self.targets if target.waiting]
        withdrawn = self._withdraw(CloseReason.CANCELLED)
        for target in waiting:
            target.ringing.clear()
        self._early, self._candidates = [], 0
        again = ev.InviteAgain(self.signaled_as, remote_now)
        return State.INVITING, [*withdrawn, again, *self._invite(waiting, now)]

    def _accepted(
        self, target: Target, event: ev.ResponseReceived, now: float
    ) -> tuple[State, list[ev.Effect]]:
        if not event.sdp:
            raise Refused("ACCEPTED without an answer")
        target.status = CallStatus.ACCEPTED
        self.remote_uid, self.remote_party = target.uid, event.party
        self._expects_media = event.sends_media
        self.start_connecting(now)
        early = [held for held in self._early if (held.uid, held.party) == (event.uid, event.party)]
        self._early = []
        # what the others sent does not count against the one who answered
        self._candidates = len(early)
        return State.CONNECTING, [
            ev.SendSelect(target.uid, event.party),
            *self._withdraw(CloseReason.ANSWERED_ELSEWHERE, but=target.uid),
            ev.ApplyAnswer(0, event.sdp),
            *(ev.AddCandidate(0, held.candidate) for held in early),
            ev.InvitationAnswered(CallStatus.ACCEPTED),
            ev.StartMedia(0),
            *self.catch_up(now),
        ]

    def _unusable(self, event: ev.ErrorReceived, now: float) -> tuple[State, list[ev.Effect]]:
        """Our invitation could not be used there. Or another message: then nobody shall ring on."""
        target = self._target(event.uid)
        if target.status is not None:
            raise Refused(f"{event.uid} has answered")
        target.status, target.reason = CallStatus.REJECTED, event.code
        state, effects = self._go_on(now, Side.REMOTE)
        told: list[ev.Effect] = [ev.ErrorRaised(event.code, event.message)]
        return state, [*told, ev.SendClose(event.uid, CloseReason.CANCELLED), *effects]

    def _declined_later(self, event: ev.CloseReceived, now: float) -> tuple[State, list[ev.Effect]]:
        """A `close` instead of a response: that target is out."""
        target = self._target(event.uid)
        if target.status is not None:
            raise Refused(f"{event.uid} has answered")
        target.status, target.reason = CallStatus.REJECTED, event.reason.value
        return self._go_on(now, Side.REMOTE)

    def _too_late(self, event: ev.ResponseReceived, _now: float) -> tuple[State, list[ev.Effect]]:
        """Somebody else was selected before."""
        if event.status != CallStatus.ACCEPTED or (event.uid, event.party) == (
            self.remote_uid,
            self.remote_party,
        ):
            raise Refused("answered before")
        return self.state, [self._sent_away(event.uid)]

    def _rings_too_late(
        self, event: ev.RingingReceived, _now: float
    ) -> tuple[State, list[ev.Effect]]:
        if (event.uid, event.party) == (self.remote_uid, self.remote_party):
            raise Refused("answered before")
        return self.state, [self._sent_away(event.uid)]

    def _sent_away(self, uid: str) -> ev.Effect:
        """The selected uid's other clients hear `select` again: they must not take a `close` for
        their own.
        """
        if self._target(uid).status is CallStatus.ACCEPTED:
            return ev.SendSelect(uid, self.remote_party or "")
        return ev.SendClose(uid, CloseReason.ANSWERED_ELSEWHERE)

    def _nobody(self, _event: ev.DeadlineReached, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_due(now)
        withdrawn = self._withdraw(CloseReason.INVITE_TIMEOUT)
        for target in self.targets:
            if target.waiting:
                target.status, target.reason = CallStatus.TIMEOUT, "no_answer"
        state, effects = self._go_on(now, Side.LOCAL)
        return state, [*withdrawn, *effects]

    def _cancel(self, event: ev.CloseRequested, now: float) -> tuple[State, list[ev.Effect]]:
        reason = CloseReason.CANCELLED if event.reason == CloseReason.USER_HANGUP else event.reason
        return self.end(now, reason, Side.LOCAL, self._withdraw(reason))

    def _no_offer_in_time(
        self, _event: ev.DeadlineReached, now: float
    ) -> tuple[State, list[ev.Effect]]:
        self.must_be_due(now)
        return self.end(now, CloseReason.OUT_OF_RESOURCES, Side.LOCAL, [])


_S = State
_LATE = {
    ev.ResponseReceived: stay(OutgoingCall._too_late),
    ev.RingingReceived: stay(OutgoingCall._rings_too_late),
}
TABLE: Table = {
    _S.OFFERING: {
        ev.DescriptionReady: row(OutgoingCall._offer_ready, _S.INVITING),
        ev.PeerFailed: row(OutgoingCall._no_offer, _S.CLOSED),
        ev.CandidateFound: stay(OutgoingCall._hold_found),
        ev.RenewRequested: stay(OutgoingCall._moved_early),
        ev.CloseRequested: row(OutgoingCall._cancel, _S.CLOSED),
        ev.DeadlineReached: row(OutgoingCall._no_offer_in_time, _S.CLOSED),
    },
    _S.INVITING: {
        ev.CandidateFound: stay(OutgoingCall._hold_found),
        ev.RenewRequested: stay(OutgoingCall._moved_early),
        ev.CandidateReceived: stay(OutgoingCall._hold_candidate),
        ev.RingingReceived: stay(OutgoingCall._rings),
        ev.ResponseReceived: stay(OutgoingCall._response, _S.CONNECTING, _S.CLOSED),
        ev.ErrorReceived: stay(OutgoingCall._unusable, _S.CLOSED),
        ev.PeerFailed: row(OutgoingCall._no_offer, _S.CLOSED),
        ev.CloseReceived: stay(OutgoingCall._declined_later, _S.CLOSED),
        ev.CloseRequested: row(OutgoingCall._cancel, _S.CLOSED),
        ev.DeadlineReached: stay(OutgoingCall._nobody, _S.CLOSED),
    },
    _S.CONNECTING: {**SHARED[_S.CONNECTING], **_LATE},
    _S.ESTABLISHED: {**SHARED[_S.ESTABLISHED], **_LATE},
    _S.LOST: {**SHARED[_S.LOST], **_LATE},
    _S.CLOSED: {},
}
OutgoingCall.TABLE = TABLE
