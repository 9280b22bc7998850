"""A call ends whatever went wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.client.closing import closing_effects
from agent.core.call import events as ev
from agent.core.call.incoming import IncomingCall
from agent.core.call.machine import State, Timing
from agent.core.call.reasons import CloseReason, Side


def ringing() -> IncomingCall:
    call = IncomingCall(ev.Invitation("c", "alice", "p", "v=0", 30.0), "own", Timing(), 0.0)
    call.handle(ev.RingRequested(), 0.0)
    return call


def test_closing_effects_are_those_of_the_rules() -> None:
    effects = closing_effects(ringing(), CloseReason.SHUTDOWN, 1.0)
    assert isinstance(effects[0], ev.SendResponse)
    assert effects[-1] == ev.Closed(CloseReason.SHUTDOWN, Side.LOCAL)


def test_closing_effects_of_broken_rules_tell_the_remote_peer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise AssertionError("a bug")

    call = ringing()
    monkeypatch.setattr(call, "handle", broken)
    effects = closing_effects(call, CloseReason.UNKNOWN_REASON, 1.0)
    assert effects[0] == ev.SendClose("alice", CloseReason.UNKNOWN_REASON)
    assert effects[-1] == call.closed
    assert call.state is State.CLOSED
    assert "a bug" in caplog.text


def test_closing_effects_of_a_call_that_is_closed_tell_nobody_anew() -> None:
    call = ringing()
    call.handle(ev.CloseRequested(), 1.0)
    assert closing_effects(call, CloseReason.SHUTDOWN, 2.0) == [call.closed]
