"""A call as a table: which input is allowed in which state, where it leads, and what has to be done.

`handle(input, now)` looks its row up, performs it, and returns the effects in the order in which the shell must carry
them out. An input without a row, or one that its row refuses, changes nothing. Time is an argument: deadlines are data,
read with `next_deadline()` and delivered as `DeadlineReached`. There are two roles, each with the states before an
answer as its own table (`incoming.py`, `outgoing.py`); from the answer on they share the rows of this file:

    incoming   INVITED -> RINGING -> ANSWERING -+
                                                +-> CONNECTING -> ESTABLISHED <-> LOST -> CLOSED
    outgoing   OFFERING -> INVITING ------------+

`CLOSED` can be reached from everywhere and never left, and only entering it emits `Closed`: so `closed` comes exactly
once. A transport has a generation. The invitation makes generation 0; a renewal makes the next one beside the old one,
which carries the media until the new one is connected (PROTOCOL 2, `offer` / `answer`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from agent.conversation import events as ev
from agent.conversation.reasons import CallStatus, CloseReason, Direction, Side


class State(StrEnum):
    """Where a call is. Why it ended is a reason, not a state."""

    INVITED = "invited"  # incoming: nothing decided yet
    RINGING = "ringing"  # incoming: a person is being asked
    ANSWERING = "answering"  # incoming: accepted, the answer is being made
    OFFERING = "offering"  # outgoing: the offer is being made
    INVITING = "inviting"  # outgoing: invitations are out
    CONNECTING = "connecting"  # accepted: ICE and DTLS are at work
    ESTABLISHED = "established"  # media can flow
    LOST = "lost"  # the transport is gone; a close or a fresh transport is awaited
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds and counts that bound a call."""

    setup: float = 15.0  # from the acceptance to a connected transport; also for making an offer or an answer
    recovery: float = 4.0  # from the loss of the transport to a close or a fresh offer
    renewal: float = 15.0  # from a fresh offer to its transport being connected
    clock_skew: float = 5.0  # how far the clocks of two parties may differ
    max_candidates: int = 40  # trickled by the far side, in one conversation
    max_renewals: int = 100  # in one conversation


class Refused(Exception):  # noqa: N818 - an outcome, not a fault
    """The row does not take this input. Raised before anything was changed."""


class Outcome(NamedTuple):
    """What handling an input came to. `refused` says why nothing happened; else `effects` are to be performed."""

    effects: list[ev.Effect]
    refused: str | None = None


class Row(NamedTuple):
    """How a state takes an input: the action, and the states that it may lead to."""

    action: Callable[[Any, Any, float], tuple[State, list[ev.Effect]]]
    to: frozenset[State]


Table = Mapping[State, Mapping[type[Any], Row]]


def row(action: Callable[[Any, Any, float], tuple[State, list[ev.Effect]]], *to: State) -> Row:
    return Row(action, frozenset(to))


@dataclass(slots=True)
class Marks:
    """When each thing happened first: `time.monotonic()` seconds, None where it did not."""

    invited: float
    answered: float | None = None
    ice: float | None = None
    connected: float | None = None
    first_frame: float | None = None
    ended: float | None = None


@dataclass(slots=True)
class Renewal:
    """A transport in the making, beside the one that carries the media."""

    generation: int
    offered_by_us: bool
    deadline: float
    answered: bool = False


class Call:
    """One conversation's rules. Use `IncomingCall` or `OutgoingCall`."""

    direction: ClassVar[Direction]
    TABLE: ClassVar[Table]

    def __init__(self, conversation: str, own_party: str, timing: Timing, state: State, now: float) -> None:
        self.conversation = conversation
        self.own_party = own_party
        self.timing = timing
        self.state = state
        self.marks = Marks(invited=now)
        self.grant = ev.MediaGrant()
        self.remote_uid = ""
        self.remote_party: str | None = None
        self.call_status: CallStatus | None = None
        self.rule: str | None = None
        self.closed: ev.Closed | None = None
        self.reconnects = 0
        self.tracks: tuple[tuple[str, str], ...] = ()
        self._deadline: float | None = None
        self._lost_at: float | None = None
        self._live: set[int] = set()  # generations whose transport exists
        self._current = 0  # the generation that carries the media
        self._newest = 0  # the highest generation seen
        self._renewal: Renewal | None = None
        self._candidates = 0

    # -- the step ---------------------------------------------------------------------------------------------------

    def handle(self, event: ev.Input, now: float) -> Outcome:
        """Take one input. Returns the effects, in order; or why it was refused."""
        found = self.TABLE.get(self.state, {}).get(type(event))
        if found is None:
            return Outcome([], f"{type(event).__name__} means nothing in state {self.state}")
        try:
            state, effects = found.action(self, event, now)
        except Refused as why:
            return Outcome([], str(why))
        if state not in found.to:
            raise AssertionError(f"{self.state} + {type(event).__name__} led to {state}, which its row does not list")
        self.state = state
        return Outcome(effects)

    def next_deadline(self) -> float | None:
        """When to call `handle(DeadlineReached(), now)`, in the clock of `now`. None: never."""
        times = [self._deadline, self._renewal.deadline if self._renewal else None]
        return min((time for time in times if time is not None), default=None)

    @property
    def current_generation(self) -> int:
        """Which transport carries the media."""
        return self._current

    @property
    def media_runs(self) -> bool:
        """Whether frames and sound may leave."""
        return self.state in (State.CONNECTING, State.ESTABLISHED, State.LOST)

    # -- what the tables share --------------------------------------------------------------------------------------

    def end(self, now: float, reason: CloseReason, by: Side, tell: list[ev.Effect]) -> tuple[State, list[ev.Effect]]:
        """Close: last words first, then every transport, then `Closed`."""
        effects = [*tell, *(ev.ClosePeer(generation) for generation in sorted(self._live))]
        self._live.clear()
        self._renewal = None
        self._deadline = None
        self.marks.ended = now
        self.closed = ev.Closed(reason, by)
        return State.CLOSED, [*effects, self.closed]

    def create(self, effect: ev.CreateOffer | ev.CreateAnswer) -> ev.Effect:
        self._live.add(effect.generation)
        return effect

    def must_be_far_side(self, event: Any) -> None:
        """Refuse what another uid, or another client of the same uid, says about this conversation."""
        if event.uid != self.remote_uid or self.remote_party not in (None, event.party):
            raise Refused(f"{event.uid}/{event.party} is not the far side of this conversation")

    def count_candidate(self) -> None:
        if self._candidates >= self.timing.max_candidates:
            raise Refused(f"more than {self.timing.max_candidates} candidates")
        self._candidates += 1

    def start_connecting(self, now: float) -> None:
        self.marks.answered = now
        self.call_status = CallStatus.ACCEPTED
        self._deadline = now + self.timing.setup

    # -- rows: from the answer on -----------------------------------------------------------------------------------

    def _add_candidate(self, event: ev.CandidateReceived, _now: float) -> tuple[State, list[ev.Effect]]:
        self.must_be_far_side(event)
        self.count_candidate()
        generation = self._renewal.generation if self._renewal else self._current
        return self.state, [ev.AddCandidate(generation, event.candidate)]

    def _trickle(self, event: ev.CandidateFound, _now: float) -> tuple[State, list[ev.Effect]]:
        self._must_be_live(event.generation)
        return self.state, [ev.SendCandidate(self.remote_uid, event.candidate)]

    def _must_be_live(self, generation: int) -> None:
        if generation not in self._live:
            raise Refused(f"transport {generation} is closed")

    def _ice(self, event: ev.IceConnected, now: float) -> tuple[State, list[ev.Effect]]:
        self._must_be_live(event.generation)
        if self.marks.ice is None:
            self.marks.ice = now
        return self.state, []

    def _established(self, event: ev.PeerConnected, now: float) -> tuple[State, list[ev.Effect]]:
        self._must_be_live(event.generation)
        self.marks.connected = now
        self._deadline = None if self.grant.max_duration is None else now + self.grant.max_duration
        return State.ESTABLISHED, []

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
        self._must_be_live(event.generation)
        if self.marks.first_frame is None:
            self.marks.first_frame = now
        return self.state, []

    def _track(self, event: ev.TrackReceived, _now: float) -> tuple[State, list[ev.Effect]]:
        self._must_be_live(event.generation)
        if event.kind in (kind for kind, _ in self.tracks):
            raise Refused(f"{event.kind} was received before")
        self.tracks = (*self.tracks, (event.kind, event.codec))
        return self.state, [ev.StreamReceived(self.tracks)]

    def _setup_failed(self, event: ev.PeerFailed, now: float) -> tuple[State, list[ev.Effect]]:
        self._must_be_live(event.generation)
        raised = ev.ErrorRaised(event.code, event.message)
        tell: list[ev.Effect] = [raised, ev.SendClose(self.remote_uid, event.reason)]
        return self.end(now, event.reason, Side.LOCAL, tell)

    def _failed(self, event: ev.PeerFailed, now: float) -> tuple[State, list[ev.Effect]]:
        """A failed renewal leaves the old transport; a failed media source ends the call."""
        if self._renewal and event.generation == self._renewal.generation and event.reason == CloseReason.ICE_FAILED:
            return self.state, [ev.ErrorRaised(event.code, event.message), *self._drop_renewal()]
        return self._setup_failed(event, now)

    def _drop_renewal(self) -> list[ev.Effect]:
        if self._renewal is None:
            return []
        generation = self._renewal.generation
        self._renewal = None
        self._live.discard(generation)
        return [ev.ClosePeer(generation)]

    def _lost(self, event: ev.PeerLost, now: float) -> tuple[State, list[ev.Effect]]:
        if event.generation != self._current:
            raise Refused(f"transport {event.generation} does not carry the media")
        self._lost_at = now
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
        self._must_be_due(now)
        reason = CloseReason.ICE_FAILED
        return self.end(now, reason, Side.LOCAL, [ev.SendClose(self.remote_uid, reason)])

    def _established_expired(self, _event: ev.DeadlineReached, now: float) -> tuple[State, list[ev.Effect]]:
        """The longest duration is over, or a renewal came to nothing while the old transport still works."""
        self._must_be_due(now)
        if self._deadline is not None and now >= self._deadline:
            reason = CloseReason.MAX_DURATION
            return self.end(now, reason, Side.LOCAL, [ev.SendClose(self.remote_uid, reason)])
        return self.state, self._drop_renewal()

    def _lost_expired(self, _event: ev.DeadlineReached, now: float) -> tuple[State, list[ev.Effect]]:
        self._must_be_due(now)
        reason = CloseReason.ICE_TIMEOUT
        return self.end(now, reason, Side.LOCAL, [ev.SendClose(self.remote_uid, reason)])

    def _must_be_due(self, now: float) -> None:
        deadline = self.next_deadline()
        if deadline is None or now < deadline:
            raise Refused("no deadline has passed")


_S = State
SHARED: Table = {
    _S.CONNECTING: {
        ev.CandidateReceived: row(Call._add_candidate, _S.CONNECTING),
        ev.CandidateFound: row(Call._trickle, _S.CONNECTING),
        ev.IceConnected: row(Call._ice, _S.CONNECTING),
        ev.PeerConnected: row(Call._established, _S.ESTABLISHED),
        ev.FirstFrameSeen: row(Call._first_frame, _S.CONNECTING),
        ev.TrackReceived: row(Call._track, _S.CONNECTING),
        ev.PeerFailed: row(Call._setup_failed, _S.CLOSED),
        ev.PeerLost: row(Call._lost, _S.LOST),
        ev.ErrorReceived: row(Call._error, _S.CONNECTING),
        ev.CloseRequested: row(Call._close, _S.CLOSED),
        ev.CloseReceived: row(Call._closed_by_far_side, _S.CLOSED),
        ev.DeadlineReached: row(Call._setup_expired, _S.CLOSED),
    },
    _S.ESTABLISHED: {
        ev.CandidateReceived: row(Call._add_candidate, _S.ESTABLISHED),
        ev.CandidateFound: row(Call._trickle, _S.ESTABLISHED),
        ev.IceConnected: row(Call._ice, _S.ESTABLISHED),
        ev.PeerConnected: row(Call._renewed, _S.ESTABLISHED),
        ev.FirstFrameSeen: row(Call._first_frame, _S.ESTABLISHED),
        ev.TrackReceived: row(Call._track, _S.ESTABLISHED),
        ev.PeerFailed: row(Call._failed, _S.ESTABLISHED, _S.CLOSED),
        ev.PeerLost: row(Call._lost, _S.LOST),
        ev.RenewRequested: row(Call._renew, _S.ESTABLISHED),
        ev.OfferReceived: row(Call._offered, _S.ESTABLISHED),
        ev.AnswerReceived: row(Call._answered, _S.ESTABLISHED),
        ev.DescriptionReady: row(Call._description, _S.ESTABLISHED),
        ev.ErrorReceived: row(Call._error, _S.ESTABLISHED),
        ev.CloseRequested: row(Call._close, _S.CLOSED),
        ev.CloseReceived: row(Call._closed_by_far_side, _S.CLOSED),
        ev.DeadlineReached: row(Call._established_expired, _S.ESTABLISHED, _S.CLOSED),
    },
    _S.LOST: {
        ev.CandidateReceived: row(Call._add_candidate, _S.LOST),
        ev.CandidateFound: row(Call._trickle, _S.LOST),
        ev.IceConnected: row(Call._ice, _S.LOST),
        ev.PeerConnected: row(Call._renewed, _S.ESTABLISHED),
        ev.PeerFailed: row(Call._failed, _S.LOST, _S.CLOSED),
        ev.RenewRequested: row(Call._renew, _S.LOST),
        ev.OfferReceived: row(Call._offered, _S.LOST),
        ev.AnswerReceived: row(Call._answered, _S.LOST),
        ev.DescriptionReady: row(Call._description, _S.LOST),
        ev.ErrorReceived: row(Call._error, _S.LOST),
        ev.CloseRequested: row(Call._close, _S.CLOSED),
        ev.CloseReceived: row(Call._closed_by_far_side, _S.CLOSED),
        ev.DeadlineReached: row(Call._lost_expired, _S.CLOSED),
    },
    _S.CLOSED: {},
}
