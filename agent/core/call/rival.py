"""What a call knows of what takes its place: a call that it crosses (PROTOCOL 3), or somebody."""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.call.inputs import CrossingFound


@dataclass(slots=True)
class Rival:
    """Of one call. All is None while there is no rival, but for `taken_by`."""

    # the conversation that takes the place of this one, if this one gives way
    conversation: str | None = None
    # incoming: with what this one is taken
    crossing: CrossingFound | None = None
    # outgoing: who may have accepted this one in the moment in which the rival was accepted
    uid: str | None = None
    # when the call would end by itself if it did not wait for the rival
    deadline: float | None = None
    # incoming: who answered in this side's place, where the inviter says so
    taken_by: str | None = None

    def forget(self) -> None:
        self.conversation = self.crossing = self.uid = self.deadline = None
