"""Renewals: the transports of a call, and the fresh one that is in the making (PROTOCOL 2).

A transport has a generation. The invitation makes generation 0; a renewal makes the next one beside
the one that carries the media, and takes over when it is connected. At most one is in the making.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from agent.core.call.effects import ClosePeer, StartMedia
from agent.core.call.machine import Refused, Timing, Transitions, follow


class RenewalState(StrEnum):
    """How far the fresh transport has come."""

    # there is none
    NONE = "none"
    # our offer is being made
    OFFERING = "offering"
    # our offer is out
    OFFERED = "offered"
    # the remote peer has offered, our answer is being made
    ANSWERING = "answering"
    # answered, by either side: it connects
    ANSWERED = "answered"


class RenewalEvent(StrEnum):
    """What changes that."""

    BEGUN_HERE = "begun here"
    OFFER_RECEIVED = "offer received"
    DESCRIBED = "described"
    ANSWER_RECEIVED = "answer received"
    CONNECTED = "connected"
    DROPPED = "dropped"


_S, _E = RenewalState, RenewalEvent
_ENDS = {_E.CONNECTED: _S.NONE, _E.DROPPED: _S.NONE}
TRANSITIONS: Transitions[RenewalState, RenewalEvent] = {
    _S.NONE: {_E.BEGUN_HERE: _S.OFFERING, _E.OFFER_RECEIVED: _S.ANSWERING},
    _S.OFFERING: {**_ENDS, _E.DESCRIBED: _S.OFFERED, _E.ANSWER_RECEIVED: _S.ANSWERED},
    _S.OFFERED: {**_ENDS, _E.DESCRIBED: _S.OFFERED, _E.ANSWER_RECEIVED: _S.ANSWERED},
    _S.ANSWERING: {**_ENDS, _E.DESCRIBED: _S.ANSWERED},
    _S.ANSWERED: {**_ENDS, _E.DESCRIBED: _S.ANSWERED},
}


@dataclass(slots=True)
class Renewals:
    """Of one call. Times are those of the call's clock, in seconds."""

    state: RenewalState = RenewalState.NONE
    # of the transport in the making: its generation, whether we offered it, and its end
    generation: int | None = None
    ours: bool = False
    deadline: float | None = None
    # when the next fresh offer goes out, if nothing arrives by then
    retry_at: float | None = None
    # when it goes out where the one in the making is ours, and has failed by then or later
    paced_at: float | None = None
    # the generation that carries the media
    current: int = 0
    # the highest generation seen, and the highest that the remote peer offered
    newest: int = 0
    newest_of_theirs: int = 0
    # the first transport has failed before anything was connected
    first_failed: bool = False
    # our network changed while the invitation was open, after the first transport was begun
    moved: bool = False
    # generations whose transport exists
    live: set[int] = field(default_factory=set)

    @property
    def under_way(self) -> bool:
        return self.state is not RenewalState.NONE

    @property
    def shared(self) -> bool:
        """Whether the remote peer takes part in the one that is under way."""
        return self.state in (RenewalState.ANSWERING, RenewalState.ANSWERED)

    def require_live(self, generation: int) -> None:
        if generation not in self.live:
            raise Refused(f"transport {generation} is closed")

    def require_current(self, generation: int) -> None:
        if generation != self.current:
            raise Refused(f"transport {generation} does not carry the media")

    def require_under_way(self, generation: int) -> None:
        if generation != self.generation:
            raise Refused(f"no transport {generation} is in the making")

    def require_acceptable(self, generation: int, timing: Timing, *, we_win: bool) -> None:
        """Refuse an offer of the remote peer that is old, loses a collision (`we_win`: ours holds),
        or is one too many.
        """
        known = max(self.current, self.newest_of_theirs)
        if generation <= known:
            raise Refused(f"generation {generation} is not newer than {known}")
        overtaken = self.generation is not None and generation <= self.generation
        if overtaken and (not self.ours or we_win):
            raise Refused(f"generation {self.generation} is under way")
        if generation > timing.max_renewals:
            raise Refused(f"more than {timing.max_renewals} renewals")

    def may_begin(self, timing: Timing) -> bool:
        """Whether there may be one more of ours."""
        return self.newest < timing.max_renewals

    def may_begin_first(self, timing: Timing) -> bool:
        """Whether there may be one of ours, and neither side has made one so far."""
        return self.newest == 0 and self.may_begin(timing)

    def begin(self, now: float, timing: Timing) -> int:
        """One of ours. Returns its generation."""
        self.state = follow(TRANSITIONS, self.state, _E.BEGUN_HERE)
        self._prepare(self.newest + 1, now + timing.renewal, ours=True)
        self.retry_at = self.paced_at = now + timing.retry
        return self.newest

    def begin_theirs(self, generation: int, now: float, timing: Timing) -> None:
        """One that the remote peer has offered."""
        self.state = follow(TRANSITIONS, self.state, _E.OFFER_RECEIVED)
        self._prepare(generation, now + timing.renewal, ours=False)
        self.newest_of_theirs = generation
        self.retry_at = now + timing.renewal

    def describe(self, generation: int) -> None:
        """Its offer or answer is made."""
        self.require_under_way(generation)
        self.state = follow(TRANSITIONS, self.state, _E.DESCRIBED)

    def receive_answer(self, generation: int) -> None:
        """The remote peer takes part: it has its whole time, as one of theirs has."""
        self.require_under_way(generation)
        self.state = follow(TRANSITIONS, self.state, _E.ANSWER_RECEIVED)
        self.retry_at = self.deadline

    def connect(self) -> list[ClosePeer | StartMedia]:
        """It takes the media over, the old ones go."""
        self.state = follow(TRANSITIONS, self.state, _E.CONNECTED)
        assert self.generation is not None  # noqa: S101 - for the type checker
        self.current = self.generation
        old = sorted(self.live - {self.current})
        self.live = {self.current}
        self._clear()
        self.retry_at = None
        return [StartMedia(self.current), *(ClosePeer(each) for each in old)]

    def drop(self) -> list[ClosePeer]:
        """It comes to nothing, if there is one."""
        if self.generation is None:
            return []
        self.state = follow(TRANSITIONS, self.state, _E.DROPPED)
        generation = self.generation
        self.live.discard(generation)
        self._clear()
        return [ClosePeer(generation)]

    def fail(self, now: float, timing: Timing) -> list[ClosePeer]:
        """It has failed: the next one comes at its time; ours follow each other by `retry`."""
        if self.retry_at is not None:
            paced = now + timing.retry if self.paced_at is None else max(now, self.paced_at)
            self.retry_at = min(self.retry_at, paced)
        return self.drop()

    def close_all(self) -> list[ClosePeer]:
        """The call is over."""
        closed = [ClosePeer(generation) for generation in sorted(self.live)]
        self.drop()
        self.live.clear()
        self.retry_at = None
        return closed

    def _prepare(self, generation: int, deadline: float, *, ours: bool) -> None:
        self.newest = max(self.newest, generation)
        self.generation, self.ours, self.deadline = generation, ours, deadline

    def _clear(self) -> None:
        self.generation, self.ours, self.deadline, self.paced_at = None, False, None, None
