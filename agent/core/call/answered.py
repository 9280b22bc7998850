"""From the answer on, the same in both roles: connecting, the call itself, fresh transports for it,
and its end.
"""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.machine import Refused, State, Table, row, stay
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

    def _unheeded(self, event: ev.RtcpTimedOut, now: float) -> tuple[State, list[ev.Effect]]:
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
# in each of the three states after an answer
_ANSWERED = {
    ev.CandidateReceived: stay(AnsweredCall._add_candidate),
    ev.CandidateFound: stay(AnsweredCall._trickle),
    ev.IceConnected: stay(AnsweredCall._ice),
    ev.FirstFrameSeen: stay(AnsweredCall._first_frame),
    ev.TrackReceived: stay(AnsweredCall._track),
    ev.RenewRequested: stay(AnsweredCall._renew),
    ev.OfferReceived: stay(AnsweredCall._offered),
    ev.AnswerReceived: stay(AnsweredCall._answered),
    ev.DescriptionReady: stay(AnsweredCall._description),
    ev.ErrorReceived: stay(AnsweredCall._error),
    ev.CloseRequested: row(AnsweredCall._close, _S.CLOSED),
    ev.CloseReceived: row(AnsweredCall._closed_by_far_side, _S.CLOSED),
}
SHARED: Table = {
    _S.CONNECTING: {
        **_ANSWERED,
        ev.PeerConnected: row(AnsweredCall._established, _S.ESTABLISHED),
        ev.PeerFailed: stay(AnsweredCall._not_connected, _S.CLOSED),
        ev.DeadlineReached: stay(AnsweredCall._setup_expired, _S.CLOSED),
    },
    _S.ESTABLISHED: {
        **_ANSWERED,
        ev.PeerConnected: stay(AnsweredCall._renewed),
        ev.PeerFailed: stay(AnsweredCall._failed, _S.CLOSED),
        ev.PeerSilent: row(AnsweredCall._silent, _S.LOST),
        ev.RtcpTimedOut: row(AnsweredCall._unheeded, _S.CLOSED),
        ev.PeerLost: row(AnsweredCall._lost, _S.LOST),
        ev.DeadlineReached: stay(AnsweredCall._established_expired, _S.CLOSED),
    },
    _S.LOST: {
        **_ANSWERED,
        ev.PeerConnected: row(AnsweredCall._renewed, _S.ESTABLISHED),
        ev.PeerFailed: stay(AnsweredCall._failed, _S.CLOSED),
        ev.PeerHeard: row(AnsweredCall._heard, _S.ESTABLISHED),
        ev.PeerLost: stay(AnsweredCall._lost),
        ev.OfferDelivered: stay(AnsweredCall._delivered),
        ev.DeadlineReached: stay(AnsweredCall._lost_expired, _S.CLOSED),
    },
    _S.CLOSED: {},
}
