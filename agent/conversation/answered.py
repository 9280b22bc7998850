"""From the answer on, the same in both roles: connecting, the call itself, fresh transports for it, and its end."""

from __future__ import annotations

from agent.conversation import events as ev
from agent.conversation.call import Call, Refused, Renewal, State, Table, row
from agent.conversation.reasons import CloseReason, Direction, Side


class AnsweredCall(Call):
    """The rows that `IncomingCall` and `OutgoingCall` share."""

    # -- rows: from the answer on -----------------------------------------------------------------------------------

    def _add_candidate(self, event: ev.CandidateReceived, _now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        self.count_candidate()
        generation = self._renewal.generation if self._renewal else self._current
        return self.state, [ev.AddCandidate(generation, event.candidate)]

    def _trickle(self, event: ev.CandidateFound, _now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        return self.state, [ev.SendCandidate(self.remote_uid, event.candidate)]

    def _ice(self, event: ev.IceConnected, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        if self.marks.ice is None:
            self.marks.ice = now
        return self.state, []

    def _established(self, event: ev.PeerConnected, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_live(event.generation)
        self.marks.connected = now
        self._deadline = None if self.grant.max_duration is None else now + self.grant.max_duration
        if self._expects_media and not self.tracks:
            self._media_until = now + self.timing.media
        return State.ESTABLISHED, [ev.Connected()]

    def _renewed(self, event: ev.PeerConnected, _now: float) -> tuple[State, list[ev.Effect]]:
        """The fresh transport is connected: it takes the media over, the old one goes."""
        if self._renewal is None or event.generation != self._renewal.generation:
            raise Refused(f"transport {event.generation} is not awaited")
        old = sorted(self._live - {event.generation})
        self._live = {event.generation}
        self._current = event.generation
        self._renewal = None
        self.reconnects += 1
        self._lost_at = None
        self._deadline = self._end_of_call()
        return State.ESTABLISHED, [ev.StartMedia(event.generation), *(ev.ClosePeer(generation) for generation in old)]

    def _end_of_call(self) -> float | None:
        if self.grant.max_duration is None or self.marks.connected is None:
            return None
        return self.marks.connected + self.grant.max_duration

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

    def _failed(self, event: ev.PeerFailed, now: float) -> tuple[State, list[ev.Effect]]:
        """A renewal that fails, for whatever reason, leaves the old transport; a failed media source ends the call."""
        renewing = self._renewal is not None and event.generation == self._renewal.generation
        if renewing and event.reason != CloseReason.NO_USER_MEDIA:
            return self.state, [ev.ErrorRaised(event.code, event.message), *self._drop_renewal()]
        return self._setup_failed(event, now)

    def _lost(self, event: ev.PeerLost, now: float) -> tuple[State, list[ev.Effect]]:
        if event.generation != self._current:
            raise Refused(f"transport {event.generation} does not carry the media")
        self._lost_at = now
        self._media_until = None
        self._deadline = now + (self.timing.renewal if self._renewal else self.timing.recovery)
        return State.LOST, []

    # -- rows: a fresh transport ------------------------------------------------------------------------------------

    def _renew(self, _event: ev.RenewRequested, now: float) -> tuple[State, list[ev.Effect]]:
        if self._renewal:
            raise Refused("a renewal is under way")
        return self.state, [self._begin_renewal(self._newest + 1, now, offer=None)]

    def _offered(self, event: ev.OfferReceived, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        if event.generation <= self._current:
            raise Refused(f"generation {event.generation} is not newer than {self._current}")
        if self._renewal and event.generation <= self._renewal.generation:
            ours, wins = self._renewal.offered_by_us, self.direction == Direction.OUTGOING
            if not ours or wins:
                raise Refused(f"generation {self._renewal.generation} is under way")
        if event.generation > self.timing.max_renewals:
            raise Refused(f"more than {self.timing.max_renewals} renewals")
        dropped = self._drop_renewal()
        return self.state, [*dropped, self._begin_renewal(event.generation, now, offer=event.sdp)]

    def _begin_renewal(self, generation: int, now: float, *, offer: str | None) -> ev.Effect:
        if generation > self.timing.max_renewals:
            raise Refused(f"more than {self.timing.max_renewals} renewals")
        self._newest = max(self._newest, generation)
        self._renewal = Renewal(generation, offer is None, now + self.timing.renewal)
        if self._lost_at is not None:
            self._deadline = self._lost_at + self.timing.renewal  # however often the far side tries
        if offer is None:
            return self.create(ev.CreateOffer(generation, self.grant))
        return self.create(ev.CreateAnswer(generation, offer, self.grant))

    def _description(self, event: ev.DescriptionReady, _now: float) -> tuple[State, list[ev.Effect]]:
        renewal = self._renewal
        if renewal is None or event.generation != renewal.generation:
            raise Refused(f"no description of generation {event.generation} is awaited")
        if renewal.offered_by_us:
            return self.state, [ev.SendOffer(event.generation, event.sdp)]
        return self.state, [ev.SendAnswer(event.generation, event.sdp)]

    def _answered(self, event: ev.AnswerReceived, _now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        renewal = self._renewal
        if renewal is None or not renewal.offered_by_us or event.generation != renewal.generation or renewal.answered:
            raise Refused(f"no answer of generation {event.generation} is awaited")
        renewal.answered = True
        return self.state, [ev.ApplyAnswer(event.generation, event.sdp)]

    def _drop_renewal(self) -> list[ev.Effect]:
        if self._renewal is None:
            return []
        generation = self._renewal.generation
        self._renewal = None
        self._live.discard(generation)
        return [ev.ClosePeer(generation)]

    # -- rows: the end ----------------------------------------------------------------------------------------------

    def _close(self, event: ev.CloseRequested, now: float) -> tuple[State, list[ev.Effect]]:
        return self.end(now, event.reason, Side.LOCAL, [ev.SendClose(self.remote_uid, event.reason)])

    def _closed_by_far_side(self, event: ev.CloseReceived, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        return self.end(now, event.reason, Side.REMOTE, [])

    def _error(self, event: ev.ErrorReceived, _now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        return self.state, [ev.ErrorRaised(event.code, event.message)]

    def _setup_expired(self, _event: ev.DeadlineReached, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_due(now)
        reason = CloseReason.ICE_FAILED
        return self.end(now, reason, Side.LOCAL, [ev.SendClose(self.remote_uid, reason)])

    def _established_expired(self, _event: ev.DeadlineReached, now: float) -> tuple[State, list[ev.Effect]]:
        """The longest duration is over, nothing arrives, or a renewal came to nothing while the old transport works."""
        self.must_be_due(now)
        over = ((self._deadline, CloseReason.MAX_DURATION), (self._media_until, CloseReason.MEDIA_TIMEOUT))
        for deadline, reason in over:
            if deadline is not None and now >= deadline:
                return self.end(now, reason, Side.LOCAL, [ev.SendClose(self.remote_uid, reason)])
        return self.state, self._drop_renewal()

    def _lost_expired(self, _event: ev.DeadlineReached, now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_due(now)
        reason = CloseReason.ICE_TIMEOUT
        return self.end(now, reason, Side.LOCAL, [ev.SendClose(self.remote_uid, reason)])


_S = State
SHARED: Table = {
    _S.CONNECTING: {
        ev.CandidateReceived: row(AnsweredCall._add_candidate, _S.CONNECTING),
        ev.CandidateFound: row(AnsweredCall._trickle, _S.CONNECTING),
        ev.IceConnected: row(AnsweredCall._ice, _S.CONNECTING),
        ev.PeerConnected: row(AnsweredCall._established, _S.ESTABLISHED),
        ev.FirstFrameSeen: row(AnsweredCall._first_frame, _S.CONNECTING),
        ev.TrackReceived: row(AnsweredCall._track, _S.CONNECTING),
        ev.PeerFailed: row(AnsweredCall._setup_failed, _S.CLOSED),
        ev.ErrorReceived: row(AnsweredCall._error, _S.CONNECTING),
        ev.CloseRequested: row(AnsweredCall._close, _S.CLOSED),
        ev.CloseReceived: row(AnsweredCall._closed_by_far_side, _S.CLOSED),
        ev.DeadlineReached: row(AnsweredCall._setup_expired, _S.CLOSED),
    },
    _S.ESTABLISHED: {
        ev.CandidateReceived: row(AnsweredCall._add_candidate, _S.ESTABLISHED),
        ev.CandidateFound: row(AnsweredCall._trickle, _S.ESTABLISHED),
        ev.IceConnected: row(AnsweredCall._ice, _S.ESTABLISHED),
        ev.PeerConnected: row(AnsweredCall._renewed, _S.ESTABLISHED),
        ev.FirstFrameSeen: row(AnsweredCall._first_frame, _S.ESTABLISHED),
        ev.TrackReceived: row(AnsweredCall._track, _S.ESTABLISHED),
        ev.PeerFailed: row(AnsweredCall._failed, _S.ESTABLISHED, _S.CLOSED),
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
        ev.PeerFailed: row(AnsweredCall._failed, _S.LOST, _S.CLOSED),
        ev.RenewRequested: row(AnsweredCall._renew, _S.LOST),
        ev.OfferReceived: row(AnsweredCall._offered, _S.LOST),
        ev.AnswerReceived: row(AnsweredCall._answered, _S.LOST),
        ev.DescriptionReady: row(AnsweredCall._description, _S.LOST),
        ev.ErrorReceived: row(AnsweredCall._error, _S.LOST),
        ev.CloseRequested: row(AnsweredCall._close, _S.CLOSED),
        ev.CloseReceived: row(AnsweredCall._closed_by_far_side, _S.CLOSED),
        ev.DeadlineReached: row(AnsweredCall._lost_expired, _S.CLOSED),
    },
    _S.CLOSED: {},
}
