"""A screening that decides as it is told, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable

from agent.core.call.decision import Decision, Line
from agent.core.call.values import Invitation
from agent.core.policy.known_callers import NOBODY, KnownCallers


class FakeScreening:
    """See `agent.ports.CallScreening`."""

    def __init__(self, decide: Callable[[Invitation], Decision]) -> None:
        self.asked: list[tuple[Invitation, Line]] = []
        self.known = NOBODY
        self._decide = decide

    def known_callers(self) -> KnownCallers:
        return self.known

    def admit(self, invitation: Invitation, *, line: Line) -> Decision:
        self.asked.append((invitation, line))
        return self._decide(invitation)
