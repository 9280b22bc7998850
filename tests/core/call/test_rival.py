"""What a call knows of the one that it crosses."""

from __future__ import annotations

from agent.core.call import events as ev
from agent.core.call.rival import Rival


def test_rival_forget_leaves_nothing() -> None:
    rival = Rival("other", ev.CrossingFound("other"), "bob", 7.0)
    rival.forget()
    assert rival == Rival()
