"""What a conversation tells of its call."""

from __future__ import annotations

import logging

import pytest

from agent.client.call_facts import CallFacts
from agent.core.call import events as ev
from agent.core.call.machine import State
from agent.core.call.reasons import CloseReason, Direction, Side
from agent.core.statistics.reports import CallRecord
from tests.core.call.calls import CALLER, CONVERSATION, PARTY, feed, incoming, outgoing


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


def test_call_facts_log_a_state_that_has_changed(caplog: pytest.LogCaptureFixture) -> None:
    facts = CallFacts(incoming())
    with caplog.at_level(logging.DEBUG):
        facts.log_state(State.INVITED, "Decision")
        assert not caplog.records
        facts.log_state(State.RINGING, "Decision")
    assert f"{CONVERSATION} with {CALLER}: ringing -> invited (Decision)" in caplog.text


def test_call_facts_name_who_answered_in_our_place() -> None:
    rules = incoming()
    taken = ev.CloseReceived(CALLER, PARTY, CloseReason.ANSWERED_ELSEWHERE, "bob")
    assert CallFacts(rules).taken_by is None
    feed(rules, ev.RingRequested(), taken)
    assert CallFacts(rules).taken_by == "bob"
    withdrawn = incoming()
    feed(withdrawn, ev.CloseReceived(CALLER, PARTY, CloseReason.CANCELLED, "bob"))
    assert CallFacts(withdrawn).taken_by is None, "it gave way to nobody"


def test_call_facts_log_the_end_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    record = CallRecord(reason=CloseReason.USER_HANGUP, closed_by=Side.REMOTE, duration=3.0)
    with caplog.at_level(logging.INFO):
        CallFacts(incoming()).log_end(record)
    assert caplog.messages == [
        f"{CONVERSATION} with {CALLER} closed: user_hangup by remote after 3.0 s"
    ]
