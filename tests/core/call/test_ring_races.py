"""A device rings two people, and things happen within a millisecond of each other: one winner, and
nobody is left ringing.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from agent.core.call import events as ev
from agent.core.call.crossings import AnyCall
from agent.core.call.decision import Action, Decision
from agent.core.call.machine import State
from agent.core.call.outgoing import OutgoingCall
from agent.core.call.reasons import CloseReason
from tests.core.call.crossing_parties import Network, SimulatedParty

RACES = 500
CALL = "00000000-0000-4000-8000-000000000001"
RING = Decision(Action.RING)


class Screen(SimulatedParty):
    """Counts the ends of its calls."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ends: Counter[int] = Counter()

    def _perform(self, call: AnyCall, effects: list[ev.Effect]) -> None:
        self.ends[id(call)] += sum(isinstance(each, ev.Closed) for each in effects)
        super()._perform(call, effects)


def rung(seed: int) -> tuple[random.Random, Network, Screen, list[Screen], OutgoingCall]:
    """A device that rings alice and bob, each at a phone; messages take up to 20 ms."""
    chance = random.Random(seed)
    network = Network([chance.uniform(0.0, 0.02) for _ in range(97)])
    door = Screen(network, "door-1")
    people = [Screen(network, uid, decide=lambda _: RING) for uid in ("alice", "bob")]
    call = door.call(["alice", "bob"], CALL)
    network.run(1.0)
    assert [each.calls[0].state for each in people] == [State.RINGING] * 2
    return chance, network, door, people, call


def in_a_millisecond(
    chance: random.Random, network: Network, *actions: tuple[Screen, ev.Input]
) -> None:
    for party, event in actions:

        def act(party: Screen = party, event: ev.Input = event) -> None:
            party.give(party.calls[0], event)

        network.at(2.0 + chance.uniform(0.0, 0.001), act)
    network.run(10.0)


def ends_are_single(*parties: Screen) -> bool:
    return all(set(each.ends.values()) <= {0, 1} for each in parties)


@pytest.mark.parametrize("part", range(5))
def test_two_acceptances_within_a_millisecond_have_one_winner(part: int) -> None:
    winners: Counter[str] = Counter()
    for seed in range(part * RACES // 5, (part + 1) * RACES // 5):
        chance, network, door, people, call = rung(seed)
        accept = ev.AcceptRequested()
        in_a_millisecond(chance, network, *((each, accept) for each in people))
        (winner,) = (each for each in people if each.established)
        (loser,) = (each for each in people if each is not winner)
        assert (call.state, call.remote_uid) == (State.ESTABLISHED, winner.uid)
        closed = loser.calls[0].closed
        assert closed is not None
        assert closed.reason is CloseReason.ANSWERED_ELSEWHERE
        assert ends_are_single(door, *people)
        winners[winner.uid] += 1
    assert min(winners.values()) > 10, "it is no race where one always wins"


@pytest.mark.parametrize("part", range(5))
def test_accept_against_cancel_leaves_nobody_ringing(part: int) -> None:
    accepted = 0
    for seed in range(part * RACES // 5, (part + 1) * RACES // 5):
        chance, network, door, people, call = rung(seed)
        cancel, accept = ev.CloseRequested(CloseReason.CANCELLED), ev.AcceptRequested()
        in_a_millisecond(chance, network, (door, cancel), (people[0], accept))
        states = [each.calls[0].state for each in (door, *people)]
        assert states == [State.CLOSED] * 3, seed
        assert [door.ends[id(call)], *(each.ends[id(each.calls[0])] for each in people)] == [1] * 3
        accepted += people[0].calls[0].call_status is not None
    assert accepted > 10
