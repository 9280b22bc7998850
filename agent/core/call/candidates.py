"""Candidates that wait for their transport, and how many of the remote peer's are taken."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.core.call.inputs import CandidateReceived
from agent.core.call.machine import Refused
from agent.core.call.values import IceCandidate


@dataclass(slots=True)
class Candidates:
    """Of one call, for the transport that carries the media or is in the making (PROTOCOL 8)."""

    # of the remote peer, since a transport was connected or we offered one
    count: int = 0
    # of the remote peer, before there is a transport for them
    early: list[CandidateReceived] = field(default_factory=list)
    # of ours, found before the answer or the invitation is out
    found: list[IceCandidate | None] = field(default_factory=list)

    def take(self, limit: int) -> None:
        """Count one of the remote peer's. Raises Refused beyond `limit`."""
        if self.count >= limit:
            raise Refused(f"more than {limit} candidates")
        self.count += 1

    def hold(self, event: CandidateReceived, limit: int) -> None:
        """Keep one until there is a transport for it."""
        self.take(limit)
        self.early.append(event)

    def release_early(self) -> list[CandidateReceived]:
        """What was held, which is then no longer."""
        early, self.early = self.early, []
        return early

    def release_found(self) -> list[IceCandidate | None]:
        found, self.found = self.found, []
        return found
