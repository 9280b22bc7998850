"""A call as a table: which input is allowed in which state, where it leads, and what has to be
done.

`handle(input, now)` looks its row up, performs it, and returns the effects in the order in which
the shell must carry them out. An input without a row, or one that its row refuses, changes nothing.
Time is an argument: deadlines are data, read with `next_deadline()` and delivered as
`DeadlineReached`. There are two roles, each with the states before an answer as its own table
(`incoming.py`, `outgoing.py`); from the answer on they share the rows of `answered.py`:

    incoming   INVITED -> RINGING -> ANSWERING -+
                                                +-> CONNECTING -> ESTABLISHED <-> LOST -> CLOSED
    outgoing   OFFERING -> INVITING ------------+

`CLOSED` can be reached from everywhere and never left, and only entering it emits `Closed`: so
`closed` comes exactly once. A transport has a generation. The invitation makes generation 0; a
renewal makes the next one beside the old one, which carries the media until the new one is
connected (PROTOCOL 2, `offer` / `answer`; the rules are in `renewing.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from agent.core.call import events as ev
from agent.core.call.reasons import CallStatus, CloseReason, Direction, Side


class State(StrEnum):
    """Where a call is. Why it ended is a reason, not a state."""

    # incoming: nothing decided yet
    INVITED = "invited"
    # incoming: a person is being asked
    RINGING = "ringing"
    # incoming: accepted, the answer is being made
    ANSWERING = "answering"
    # outgoing: the offer is being made
    OFFERING = "offering"
    # outgoing: invitations are out
    INVITING = "inviting"
    # accepted: ICE and DTLS are at work
    CONNECTING = "connecting"
    ESTABLISHED = "established"  # media can flow
    # nothing arrives any more; the far side's return, a fresh transport or a close is awaited
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds and counts that bound a call."""

    # from the acceptance to a connected transport; also for making an offer or an answer
    setup: float = 15.0
    # from a fresh offer to its transport being connected
    renewal: float = 15.0
    # from a fresh offer of ours to the next one, while nothing arrives
    retry: float = 5.0
    # from the far side's closing the transport to its `close`, or to a fresh offer
    goodbye: float = 2.0
    # from the last packet to the end, where the far side hears our offer and says nothing
    vanished: float = 8.5
    # what it has for an answer in any case
    answer: float = 5.0
    # from the last packet or its last word to the end, where it speaks or cannot hear us
    ice_timeout: float = 15.0
    # from the last packet to the end, whatever it says
    hold: float = 45.0
    # from the connection to the first sound or picture, where the answer promised any
    media: float = 15.0
    # how far the clocks of two parties may differ
    clock_skew: float = 5.0
    # trickled by the far side, in one conversation
    max_candidates: int = 40
    # the highest generation in one conversation
    max_renewals: int = 100


class Refused(Exception):  # noqa: N818 - an outcome, not a fault
    """The row does not take this input. Raised before anything was changed."""


class Outcome(NamedTuple):
    """What handling an input came to. `refused` says why nothing happened; else `effects` are to be
    performed.
    """

    effects: list[ev.Effect]
    refused: str | None = None


class Row(NamedTuple):
    """How a state takes an input: the action, the states that it may lead to, and whether it may
    stay.
    """

    action: Callable[[Any, Any, float], tuple[State, list[ev.Effect]]]
    to: frozenset[State]
    stays: bool

    def leads_to(self, state: State) -> frozenset[State]:
        """Where it may lead from `state`."""
        return self.to | {state} if self.stays else self.to


Table = Mapping[State, Mapping[type[Any], Row]]


def row(action: Callable[[Any, Any, float], tuple[State, list[ev.Effect]]], *to: State) -> Row:
    """A row that leads to one of `to`."""
    return Row(action, frozenset(to), stays=False)


def stay(action: Callable[[Any, Any, float], tuple[State, list[ev.Effect]]], *to: State) -> Row:
    """A row that stays in its state, or leads to one of `to`."""
    return Row(action, frozenset(to), stays=True)


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

    @property
    def shared(self) -> bool:
        """Whether the far side takes part in it."""
        return self.answered or not self.offered_by_us


class Call:
    """What every state needs: the step, the deadlines, the end. Use `IncomingCall` or
    `OutgoingCall`.
    """

    direction: ClassVar[Direction]
    TABLE: ClassVar[Table]

    def __init__(
        self, conversation: str, own_party: str, timing: Timing, state: State, now: float
    ) -> None:
        self.conversation = conversation
        # its id on the wire; another one once the clock had to be corrected
        self.signaled_as = conversation
        self.own_party = own_party
        self.timing = timing
        self.state = state
        self.marks = Marks(invited=now)
        self.grant = ev.MediaGrant()
        # that the inviter brought, for every transport of the call
        self.ice_servers: tuple[ev.IceServer, ...] = ()
        self.remote_uid = ""
        self.remote_party: str | None = None
        self.call_status: CallStatus | None = None
        self.rule: str | None = None
        self.closed: ev.Closed | None = None
        self.reconnects = 0
        self.tracks: tuple[tuple[str, str], ...] = ()
        self._deadline: float | None = None
        # when the last packet came, once nothing has come for a while
        self._silent_since: float | None = None
        # when the far side last said something
        self._word_at: float | None = None
        # when the broker first had an offer of ours, in this silence
        self._delivered_at: float | None = None
        # when it closed the transport that carries the media
        self._left_at: float | None = None
        # when the next fresh offer goes out, if nothing arrives by then
        self._retry_at: float | None = None
        # whether the application was told
        self._degraded = False
        # our network changed while the invitation was open, after the first transport was begun
        self._moved = False
        self._media_until: float | None = None
        self._expects_media = False
        # generations whose transport exists
        self._live: set[int] = set()
        # the generation that carries the media
        self._current = 0
        # the highest generation seen
        self._newest = 0
        # the highest that the far side offered
        self._newest_of_theirs = 0
        self._renewal: Renewal | None = None
        self._candidates = 0

    # -- the step ----------------------------------------------------------------------------------

    def handle(self, event: ev.Input, now: float) -> Outcome:
        """Take one input. Returns the effects, in order; or why it was refused."""
        found = self.TABLE.get(self.state, {}).get(type(event))
        if found is None:
            return Outcome([], f"{type(event).__name__} means nothing in state {self.state}")
        try:
            state, effects = found.action(self, event, now)
        except Refused as why:
            return Outcome([], str(why))
        if state not in found.leads_to(self.state):
            raise AssertionError(
                f"{self.state} + {type(event).__name__} led to {state}, which its row does not list"
            )
        self.state = state
        return Outcome(effects)

    def next_deadline(self) -> float | None:
        """When to call `handle(DeadlineReached(), now)`, in the clock of `now`. None: never."""
        times = [
            self._deadline,
            self._media_until,
            self._renewal.deadline if self._renewal else None,
        ]
        if self.state is State.LOST:
            times += [self.give_up_at(), self._retry_at]
        return min((time for time in times if time is not None), default=None)

    def give_up_at(self) -> float | None:
        """When a call ends over which nothing arrives; None while something does."""
        silent, word, timing = self._silent_since, self._word_at, self.timing
        if silent is None:
            return None
        if self._left_at is not None and not (self._renewal and self._renewal.shared):
            return self._left_at + timing.goodbye
        if word is not None and word > silent:
            return min(word + timing.ice_timeout, silent + timing.hold)
        if self._delivered_at is None:
            return silent + timing.ice_timeout
        return max(silent + timing.vanished, self._delivered_at + timing.answer)

    @property
    def current_generation(self) -> int:
        """Which transport carries the media."""
        return self._current

    @property
    def media_runs(self) -> bool:
        """Whether frames and sound may leave."""
        return self.state in (State.CONNECTING, State.ESTABLISHED, State.LOST)

    # -- what the tables share ---------------------------------------------------------------------

    def end(
        self, now: float, reason: CloseReason, by: Side, tell: list[ev.Effect]
    ) -> tuple[State, list[ev.Effect]]:
        """Close: last words first, then every transport, then `Closed`."""
        effects = [*tell, *(ev.ClosePeer(generation) for generation in sorted(self._live))]
        self._live.clear()
        self._renewal = None
        self._deadline = self._media_until = self._silent_since = self._retry_at = None
        self.marks.ended = now
        self.closed = ev.Closed(reason, by)
        return State.CLOSED, [*effects, self.closed]

    def create(self, effect: ev.CreateOffer | ev.CreateAnswer) -> ev.Effect:
        self._live.add(effect.generation)
        return effect

    def must_be_far_side(self, event: Any) -> None:
        """Refuse what another uid, or another client of the same uid, says about this
        conversation.
        """
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

    def must_be_live(self, generation: int) -> None:
        if generation not in self._live:
            raise Refused(f"transport {generation} is closed")

    def must_be_due(self, now: float) -> None:
        deadline = self.next_deadline()
        if deadline is None or now < deadline:
            raise Refused("no deadline has passed")
