"""What a conversation tells of its call."""

from __future__ import annotations

from agent.client.call_facts import CallFacts
from agent.core.call.machine import State
from agent.core.call.reasons import Direction
from tests.core.call.calls import CALLER, CONVERSATION, incoming, outgoing


def test_call_facts_of_an_incoming_call() -> None:
    rules = incoming()
    facts = CallFacts(rules)
    assert (facts.id, facts.remote_uid, facts.direction) == (
        CONVERSATION,
        CALLER,
        Direction.INCOMING,
    )
    assert (facts.state, facts.call_status) == (State.INVITED, None)
    assert facts.invitation is rules.invitation
    assert facts.targets == ()


def test_call_facts_of_an_outgoing_call_name_all_targets() -> None:
    facts = CallFacts(outgoing("alice", "bob"))
    assert facts.targets == ("alice", "bob")
    assert facts.invitation is None
