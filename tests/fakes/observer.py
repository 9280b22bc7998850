"""An observer that keeps what it is told."""

from __future__ import annotations

from typing import Any

from agent.core.call.decision import Decision
from agent.core.call.machine import State


class RecordingObserver:
    """See `agent.client.call_context.CallOwner`."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.busy = False

    async def begun(self, conversation: Any) -> None:
        self.told.append(("begun", conversation))

    def event(self, conversation: Any, name: str, event: Any) -> None:
        self.told.append((name, event))

    def renamed(self, conversation: Any, before: str) -> None:
        self.told.append(("renamed", before))

    def moved(self, conversation: Any, before: State, *, looked: bool) -> None:
        self.told.append(("moved", before))

    def screen_talk(self, conversation: Any) -> Decision | None:
        self.told.append(("screen_talk", conversation))
        return None

    def stepped(self, conversation: Any) -> None:
        self.told.append(("stepped", conversation))

    def ended(self, conversation: Any) -> None:
        self.told.append(("ended", conversation))
