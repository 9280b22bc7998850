"""The names of commands."""

from __future__ import annotations

from agent.signaling.protocol.command_messages import COMMANDS
from agent.signaling.protocol.verbs import VERBS


def test_every_command_has_a_name_and_every_name_a_command() -> None:
    assert tuple(COMMANDS) == VERBS
