"""A screening that decides as it is told, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable

from agent.core.call.decision import Decision, Line
from agent.core.call.values import Invitation


class FakeScreening:
    """See `agent.ports.CallScreening`."""

    def __init__(self, decide: Callable[[Invitation], Decision]) -> None:
        self.asked: list[tuple[Invitation, Line]] = []
        self._decide = decide

    def admit(self, invitation: Invitation, *, line: Line) -> Decision:
        self.asked.append((invitation, line))
        return self._decide(invitation)
