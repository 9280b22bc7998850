"""From the answer on, the same in both roles: connecting, the call itself, fresh transports for it,
and its end.
"""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.machine import Refused, State, Table, row
from agent.core.call.reasons import CloseReason, Side
from agent.core.call.renewal import RenewingCall


class AnsweredCall(RenewingCall):
    """The rows that `IncomingCall` and `OutgoingCall` share."""

    # -- rows: from the answer on ------------------------------------------------------------------

    def _add_candidate(
        self, event: ev.CandidateReceived, now: float
    ) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        self.count_candidate()
        self._word_at = now
        return self.state, [ev.AddCandidate(self._candidates_for(), event.candidate)]

    def _candidates_for(self) -> int:
        """The newest transport; those of the first one may still come until the far side takes part
        in another.
        """
        if self._renewal is None or (self.state is State.CONNECTING and not self._renewal.shared):
            return self._current
        return self._renewal.generation

    def _trickle(self, event: ev.CandidateFound, _now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        return self.state, [ev.SendCandidate(self.remote_uid, event.candidate)]

    def _ice(self, event: ev.IceConnected, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        if self.marks.ice is None:
            self.marks.ice = now
        return self.state, []

    def _established(self, event: ev.PeerConnected, now: float) -> tuple[State, list[ev.Effect]]:
        """By the first transport, or by a fresh one that was quicker."""
        self.must_be_live(event.generation)
        moving = [] if event.generation == self._current else self._take_over(event.generation)
        self.marks.connected = now
        self._deadline = None if self.grant.max_duration is None else now + self.grant.max_duration
        if self._expects_media and not self.tracks:
            self._media_until = now + self.timing.media
        return State.ESTABLISHED, [*moving, ev.Connected()]

    def _first_frame(self, event: ev.FirstFrameSeen, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        if self.marks.first_frame is None:
            self.marks.first_frame = now
        return self.state, []

    def _track(self, event: ev.TrackReceived, _now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        if event.kind in (kind for kind, _ in self.tracks):
            raise Refused(f"{event.kind} was received before")
        self.tracks = (*self.tracks, (event.kind, event.codec))
        self._expects_media, self._media_until = False, None
        return self.state, [ev.StreamReceived(self.tracks)]

    def _setup_failed(self, event: ev.PeerFailed, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        raised = ev.ErrorRaised(event.code, event.message)
        tell: list[ev.Effect] = [raised, ev.SendClose(self.remote_uid, event.reason)]
        return self.end(now, event.reason, Side.LOCAL, tell)

    def _not_connected(self, event: ev.PeerFailed, now: float) -> tuple[State, list[ev.Effect]]:
        """The first transport has failed: where a fresh one is in the making, that may connect
        yet.
        """
        if (
            self._renewal is None
            or event.generation != self._current
            or event.reason == CloseReason.NO_USER_MEDIA
        ):
            return self._failed(event, now)
        return self.state, [ev.ErrorRaised(event.code, event.message)]

    def _failed(self, event: ev.PeerFailed, now: float) -> tuple[State, list[ev.Effect]]:
        """A renewal that fails, for whatever reason, leaves the old transport; a failed media
        source ends the call.
        """
        renewing = self._renewal is not None and event.generation == self._renewal.generation
        if renewing and event.reason != CloseReason.NO_USER_MEDIA:
            return self._renewal_failed(event, now)
        return self._setup_failed(event, now)

    def _unheeded(self, event: ev.PeerUnheeded, now: float) -> tuple[State, list[ev.Effect]]:
        """It has a connection, and nobody behind it. Who has said a word since then is there."""
        self.must_carry(event.generation)
        if self._word_at is not None and self._word_at > now - event.seconds:
            raise Refused(f"{self.remote_uid} has spoken since")
        reason = CloseReason.MEDIA_TIMEOUT
        return self.end(now, reason, Side.LOCAL, [ev.SendClose(self.remote_uid, reason)])

    # -- rows: the end -----------------------------------------------------------------------------

    def _close(self, event: ev.CloseRequested, now: float) -> tuple[State, list[ev.Effect]]:
        return self.end(
            now, event.reason, Side.LOCAL, [ev.SendClose(self.remote_uid, event.reason)]
        )

    def _closed_by_far_side(
        self, event: ev.CloseReceived, now: float
    ) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        return self.end(now, event.reason, Side.REMOTE, [])

    def _error(self, event: ev.ErrorReceived, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        self._word_at = now
        return self.state, [ev.ErrorRaised(event.code, event.message)]

    def _setup_expired(
        self, _event: ev.DeadlineReached, now: float
    ) -> tuple[State, list[ev.Effect]]:
        self.must_be_due(now)
        if self._deadline is not None and now < self._deadline:
            return self.state, self._drop_renewal()
        reason = CloseReason.ICE_FAILED
        return self.end(now, reason, Side.LOCAL, [ev.SendClose(self.remote_uid, reason)])

    def _established_expired(
        self, _event: ev.DeadlineReached, now: float
    ) -> tuple[State, list[ev.Effect]]:
        """The longest duration is over, nothing arrives, or a renewal came to nothing while the old
        transport works.
        """
        self.must_be_due(now)
        over = (
            (self._deadline, CloseReason.MAX_DURATION),
            (self._media_until, CloseReason.MEDIA_TIMEOUT),
        )
        for deadline, reason in over:
            if deadline is not None and now >= deadline:
                return self.end(now, reason, Side.LOCAL, [ev.SendClose(self.remote_uid, reason)])
        return self.state, self._drop_renewal()


_S = State
SHARED: Table = {
    _S.CONNECTING: {
        ev.CandidateReceived: row(AnsweredCall._add_candidate, _S.CONNECTING),
        ev.CandidateFound: row(AnsweredCall._trickle, _S.CONNECTING),
        ev.IceConnected: row(AnsweredCall._ice, _S.CONNECTING),
        ev.PeerConnected: row(AnsweredCall._established, _S.ESTABLISHED),
        ev.FirstFrameSeen: row(AnsweredCall._first_frame, _S.CONNECTING),
        ev.TrackReceived: row(AnsweredCall._track, _S.CONNECTING),
        ev.PeerFailed: row(AnsweredCall._not_connected, _S.CONNECTING, _S.CLOSED),
        ev.RenewRequested: row(AnsweredCall._renew, _S.CONNECTING),
        ev.OfferReceived: row(AnsweredCall._offered, _S.CONNECTING),
        ev.AnswerReceived: row(AnsweredCall._answered, _S.CONNECTING),
        ev.DescriptionReady: row(AnsweredCall._description, _S.CONNECTING),
        ev.ErrorReceived: row(AnsweredCall._error, _S.CONNECTING),
        ev.CloseRequested: row(AnsweredCall._close, _S.CLOSED),
        ev.CloseReceived: row(AnsweredCall._closed_by_far_side, _S.CLOSED),
        ev.DeadlineReached: row(AnsweredCall._setup_expired, _S.CONNECTING, _S.CLOSED),
    },
    _S.ESTABLISHED: {
        ev.CandidateReceived: row(AnsweredCall._add_candidate, _S.ESTABLISHED),
        ev.CandidateFound: row(AnsweredCall._trickle, _S.ESTABLISHED),
        ev.IceConnected: row(AnsweredCall._ice, _S.ESTABLISHED),
        ev.PeerConnected: row(AnsweredCall._renewed, _S.ESTABLISHED),
        ev.FirstFrameSeen: row(AnsweredCall._first_frame, _S.ESTABLISHED),
        ev.TrackReceived: row(AnsweredCall._track, _S.ESTABLISHED),
        ev.PeerFailed: row(AnsweredCall._failed, _S.ESTABLISHED, _S.CLOSED),
        ev.PeerSilent: row(AnsweredCall._silent, _S.LOST),
        ev.PeerUnheeded: row(AnsweredCall._unheeded, _S.CLOSED),
        ev.PeerLost: row(AnsweredCall._lost, _S.LOST),
        ev.RenewRequested: row(AnsweredCall._renew, _S.ESTABLISHED),
        ev.OfferReceived: row(AnsweredCall._offered, _S.ESTABLISHED),
        ev.AnswerReceived: row(AnsweredCall._answered, _S.ESTABLISHED),
        ev.DescriptionReady: row(AnsweredCall._description, _S.ESTABLISHED),
        ev.ErrorReceived: row(AnsweredCall._error, _S.ESTABLISHED),
        ev.CloseRequested: row(AnsweredCall._close, _S.CLOSED),
        ev.CloseReceived: row(AnsweredCall._closed_by_far_side, _S.CLOSED),
        ev.DeadlineReached: row(AnsweredCall._established_expired, _S.ESTABLISHED, _S.CLOSED),
    },
    _S.LOST: {
        ev.CandidateReceived: row(AnsweredCall._add_candidate, _S.LOST),
        ev.CandidateFound: row(AnsweredCall._trickle, _S.LOST),
        ev.IceConnected: row(AnsweredCall._ice, _S.LOST),
        ev.PeerConnected: row(AnsweredCall._renewed, _S.ESTABLISHED),
        ev.FirstFrameSeen: row(AnsweredCall._first_frame, _S.LOST),
        ev.TrackReceived: row(AnsweredCall._track, _S.LOST),
        ev.PeerFailed: row(AnsweredCall._failed, _S.LOST, _S.CLOSED),
        ev.PeerHeard: row(AnsweredCall._heard, _S.ESTABLISHED),
        ev.PeerLost: row(AnsweredCall._lost, _S.LOST),
        ev.RenewRequested: row(AnsweredCall._renew, _S.LOST),
        ev.OfferDelivered: row(AnsweredCall._delivered, _S.LOST),
        ev.OfferReceived: row(AnsweredCall._offered, _S.LOST),
        ev.AnswerReceived: row(AnsweredCall._answered, _S.LOST),
        ev.DescriptionReady: row(AnsweredCall._description, _S.LOST),
        ev.ErrorReceived: row(AnsweredCall._error, _S.LOST),
        ev.CloseRequested: row(AnsweredCall._close, _S.CLOSED),
        ev.CloseReceived: row(AnsweredCall._closed_by_far_side, _S.CLOSED),
        ev.DeadlineReached: row(AnsweredCall._lost_expired, _S.LOST, _S.CLOSED),
    },
    _S.CLOSED: {},
}
