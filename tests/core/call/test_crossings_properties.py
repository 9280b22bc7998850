"""Calls that cross meet, whatever the order and the delay (PROTOCOL 3)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.call.crossings import AnyCall
from agent.core.call.decision import Action, Decision
from agent.core.call.machine import State
from agent.core.call.reasons import CloseReason
from tests.core.call.crossing_parties import Decide, Network, SimulatedParty
from tests.examples import examples

LOW, HIGH = "0b7f1f0e-2f0d-4a86-9c8d-2d6c8f3f4a11", "F0000000-2f0d-4a86-9c8d-2d6c8f3f4a11"
# seconds that a message, an offer, an answer or a transport takes
DELAYS = st.lists(st.floats(0.0, 1.0), min_size=5, max_size=40)
# None: the application decides
ACTIONS = st.sampled_from([None, Action.ACCEPT, Action.RING])
LONG = 90.0


def deciding(action: Action | None) -> Decide:
    return lambda _: None if action is None else Decision(action)


def met(*parties: SimulatedParty) -> str:
    """All of them are in one conversation; which."""
    for party in parties:
        assert len(party.established) == 1
        assert len([call for call in party.calls if call.accepted]) == 1
    ids = {party.established[0].signaled_as for party in parties}
    assert len(ids) == 1
    return ids.pop()


def gave_way(call: AnyCall, winner: str) -> bool:
    reason = call.closed and call.closed.reason
    return reason is CloseReason.ANSWERED_ELSEWHERE and call.answered_by == winner


@given(st.booleans(), DELAYS, st.floats(0.0, 2.5), st.booleans(), ACTIONS, ACTIONS)
@settings(max_examples=examples(400), deadline=None)
def test_crossings_two_parties_meet(
    ordered: bool,
    delays: list[float],
    between: float,
    swapped: bool,
    first: Action | None,
    second: Action | None,
) -> None:
    """One conversation for both; where the messages of each come in their order, what gave way says
    for what.
    """
    network = Network(delays, ordered=ordered)
    a, b = (
        SimulatedParty(network, uid, deciding(action))
        for uid, action in (("a", first), ("b", second))
    )
    ids = (HIGH, LOW) if swapped else (LOW, HIGH)
    a.call("b", ids[0])
    network.run(between)
    if not b.registry.may_call(["a"]):
        return
    b.call("a", ids[1])
    network.run(LONG)
    winner = met(a, b)
    for party in (a, b):
        assert not len(party.registry._crossings)
        for call in party.calls:
            if ordered and call.state is State.CLOSED:
                assert gave_way(call, winner)


@given(DELAYS, st.floats(0.0, 0.03), st.booleans(), ACTIONS)
@settings(max_examples=examples(200), deadline=None)
def test_crossings_caller_that_cannot_answer_is_taken(
    delays: list[float], between: float, swapped: bool, action: Action | None
) -> None:
    """Whoever we invite does not even read it, and invites us."""
    network = Network(delays)
    us = SimulatedParty(network, "us", deciding(action))
    caller = SimulatedParty(network, "caller", deaf_to_invitations=True)
    ids = (HIGH, LOW) if swapped else (LOW, HIGH)
    own = us.call("caller", ids[0])
    network.run(between)
    caller.call("us", ids[1])
    network.run(LONG)
    assert met(us, caller) == ids[1]
    assert gave_way(own, ids[1])
    assert len(us.calls) == 2


@given(DELAYS, st.floats(0.0, 1.5), st.booleans(), st.sampled_from([Action.REJECT, Action.BUSY]))
@settings(max_examples=examples(200), deadline=None)
def test_crossings_whom_a_rule_rejects_does_not_get_in(
    delays: list[float], between: float, swapped: bool, action: Action
) -> None:
    """Its own conversation is refused, whatever its id; ours goes on, and it may take that."""
    network = Network(delays)
    us = SimulatedParty(network, "us", deciding(action))
    caller = SimulatedParty(network, "caller", deciding(Action.ACCEPT))
    ids = (HIGH, LOW) if swapped else (LOW, HIGH)
    us.call("caller", ids[0])
    network.run(between)
    if not caller.registry.may_call(["us"]):
        return
    caller.call("us", ids[1])
    network.run(LONG)
    assert [call.signaled_as for call in us.calls if call.call_status == "ACCEPTED"] in (
        [],
        [ids[0]],
    )
    for call in us.established:
        assert call.signaled_as == ids[0]


@given(
    DELAYS,
    st.lists(
        st.tuples(
            st.floats(0.0, 0.4),
            st.sampled_from(["a", "b", "guest", "concierge"]),
            st.sampled_from(["0", "2", "8", "e"]),
            ACTIONS,
            st.booleans(),
        ),
        max_size=6,
    ),
    st.integers(1, 2),
)
@settings(max_examples=examples(300), deadline=None)
def test_crossings_never_more_than_there_are_lines(
    delays: list[float],
    callers: list[tuple[float, str, str, Action | None, bool]],
    lines: int,
) -> None:
    """We ring out to two, and anybody calls, twice or more: nobody is accepted beyond the lines but
    for the moment in which two that cross were accepted both.
    """
    network = Network(delays)
    actions: dict[str, Action | None] = {uid: action for _, uid, _, action, _ in callers}
    us = SimulatedParty(network, "us", lambda each: deciding(actions[each.caller])(each), lines)
    us.call(["a", "b"], "5" + LOW[1:])
    parties: dict[str, SimulatedParty] = {}
    for number, (pause, uid, digit, _, deaf) in enumerate(callers):
        network.run(network.now + pause)
        party = parties.get(uid) or SimulatedParty(network, uid, deaf_to_invitations=deaf)
        parties[uid] = party
        if party.registry.may_call(["us"]):
            party.call("us", f"{digit}{number}{LOW[2:]}")
    network.run(LONG)
    assert len([call for call in us.calls if call.accepted]) <= lines
    assert us.most_accepted <= lines + 1
    assert not len(us.registry._crossings)
