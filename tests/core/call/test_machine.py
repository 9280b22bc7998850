"""What the machines are made of."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import Refused, State, Step, Transitions, follow, row, stay
from tests.core.call.calls import OWN, TIMING, incoming, invitation


class Light(StrEnum):
    RED = "red"
    GREEN = "green"


class Press(StrEnum):
    ONCE = "once"


TABLE: Transitions[Light, Press] = {Light.RED: {Press.ONCE: Light.GREEN}, Light.GREEN: {}}


def test_follow_leads_where_the_table_says_and_nowhere_else() -> None:
    assert follow(TABLE, Light.RED, Press.ONCE) is Light.GREEN
    with pytest.raises(Refused, match="once means nothing while green"):
        follow(TABLE, Light.GREEN, Press.ONCE)


def nothing(call: Any, _event: Any, _now: float) -> Step:
    return call.state, []


def test_row_leads_to_what_it_lists() -> None:
    assert row(nothing, State.CLOSED).leads_to(State.RINGING) == {State.CLOSED}
    assert stay(nothing, State.CLOSED).leads_to(State.RINGING) == {State.RINGING, State.CLOSED}


def test_handle_takes_nothing_that_leads_beside_its_row() -> None:
    class Wrong(IncomingCall):
        TABLE = {State.INVITED: {ev.RingRequested: row(nothing, State.RINGING)}}  # noqa: RUF012

    with pytest.raises(AssertionError, match="which its row does not list"):
        Wrong(invitation(), OWN, TIMING, 0.0).handle(ev.RingRequested(), 0.0)


def test_handle_says_why_it_refuses() -> None:
    call = incoming()
    assert "means nothing in state invited" in (call.handle(ev.PeerHeard(0), 101.0).refused or "")
    assert call.handle(ev.DeadlineReached(), 101.0).refused == "no deadline has passed"
