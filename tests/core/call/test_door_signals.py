"""What is said about a door tells no code to a log."""

from __future__ import annotations

from agent.core.call import events as ev


def test_door_signals_never_show_a_code() -> None:
    asked = ev.OpenReceived("alice", "p", "2026-11-22T10:15:00Z", 1.0, "door", "1234")
    assert "1234" not in repr(asked)
    assert "1234" not in repr(ev.SendOpen(1.0, "door", "1234"))
