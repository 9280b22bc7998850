"""What the machines of a call are made of: states, times, rows, and how an input is refused.

A call is a table: which input is allowed in which state, where it leads, and what has to be done.
`Call.handle(input, now)` (`base_call.py`) looks its row up, performs it, and returns the effects in
the order in which the shell must carry them out. An input without a row, or one that its row
refuses, changes nothing. Time is an argument: deadlines are data, read with `next_deadline()` and
delivered as `DeadlineReached`. There are two roles, each with the states before an answer as its
own table (`incoming.py`, `outgoing.py`); from the answer on they share the rows of `answered.py`:

    incoming   INVITED -> RINGING -> CROSSING -> ANSWERING -+
                                                            +-> CONNECTING -> ESTABLISHED -> CLOSED
    outgoing   OFFERING -> INVITING ------------------------+                   |      ^
                                                                                v      |
                                                                              SILENT ---> LOST

`CLOSED` can be reached from everywhere and never left, and only entering it emits `Closed`: so
`closed` comes exactly once. A call holds two smaller machines: `Liveness` (whether anything still
comes) and `Renewals` (the transports; a fresh one beside the one that carries the media).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from agent.core.call import events as ev


class State(StrEnum):
    """Where a call is. Why it ended is a reason, not a state."""

    # incoming: nothing decided yet
    INVITED = "invited"
    # incoming: a person is being asked
    RINGING = "ringing"
    # incoming: its inviter is invited by us; this one is taken where that one is not
    CROSSING = "crossing"
    # incoming: accepted, the answer is being made
    ANSWERING = "answering"
    # outgoing: the offer is being made
    OFFERING = "offering"
    # outgoing: invitations are out
    INVITING = "inviting"
    # accepted: ICE and DTLS are at work
    CONNECTING = "connecting"
    # media can flow
    ESTABLISHED = "established"
    # nothing arrives any more; the remote peer's return, a fresh transport or a close is awaited
    SILENT = "silent"
    # for so long that nothing is sent into it and its line counts as free (PROTOCOL 3); the same is
    # awaited
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds and counts that bound a call."""

    # from the acceptance to a connected transport; also for making an offer or an answer
    setup: float = 15.0
    # from a fresh offer to its transport being connected
    renewal: float = 15.0
    # from a fresh offer of ours to the next one, while nothing arrives, not even an answer
    retry: float = 5.0
    # from the remote peer's closing the transport to its `close`, or to a fresh offer
    goodbye: float = 2.0
    # from the last packet to the call being lost: no media is sent, and its line is free
    lost: float = 8.5
    # from the last packet to the end
    hold: float = 45.0
    # from an invitation that crosses ours to its being taken, while ours goes first
    crossing: float = 1.0
    # from its ACCEPTED to the end of ours, if its inviter neither selects us nor connects
    giving_way: float = 2.0
    # from the connection to the first sound or picture, where the answer promised any
    media: float = 15.0
    # how far the clocks of two parties may differ
    clock_skew: float = 5.0
    # trickled by the remote peer, in one conversation and for one section (PROTOCOL 8)
    max_candidates: int = 40
    # `error` messages of the remote peer that are told, in one conversation
    max_errors: int = 5
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


# where an input led, and what has to be done for it
Step = tuple[State, list[ev.Effect]]
RowAction = Callable[[Any, Any, float], Step]


class Row(NamedTuple):
    """How a state takes an input: the action, the states that it may lead to, and whether it may
    stay.
    """

    action: RowAction
    to: frozenset[State]
    stays: bool

    def leads_to(self, state: State) -> frozenset[State]:
        """Where it may lead from `state`."""
        return self.to | {state} if self.stays else self.to


Table = Mapping[State, Mapping[type[Any], Row]]


def row(action: RowAction, *to: State) -> Row:
    """A row that leads to one of `to`."""
    return Row(action, frozenset(to), stays=False)


def stay(action: RowAction, *to: State) -> Row:
    """A row that stays in its state, or leads to one of `to`."""
    return Row(action, frozenset(to), stays=True)


_State = TypeVar("_State", bound=StrEnum)
_Event = TypeVar("_Event", bound=StrEnum)
Transitions = Mapping[_State, Mapping[_Event, _State]]


def follow(transitions: Transitions[_State, _Event], state: _State, event: _Event) -> _State:
    """Where `event` leads in one of the smaller machines. Raises Refused where it leads nowhere."""
    to = transitions[state].get(event)
    if to is None:
        raise Refused(f"{event} means nothing while {state}")
    return to
