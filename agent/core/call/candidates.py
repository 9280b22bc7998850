"""Candidates that wait for their transport, and how many of the remote peer's are taken."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.core.call.inputs import CandidateReceived
from agent.core.call.machine import Refused
from agent.core.call.values import IceCandidate


@dataclass(slots=True)
class Candidates:
    """Of one conversation, whatever transports it has (PROTOCOL 8)."""

    # of the remote peer
    count: int = 0
    # how often the remote peer said that there are no more
    ends: int = 0
    # of the remote peer, before there is a transport for them
    early: list[CandidateReceived] = field(default_factory=list)
    # of ours, found before the answer or the invitation is out
    found: list[IceCandidate | None] = field(default_factory=list)

    def take(self, event: CandidateReceived, limit: int) -> None:
        """Count one of the remote peer's. Raises Refused beyond `limit`, and for one that is of no
        use, which costs nothing. An end of candidates is none; there are as many.
        """
        if not event.usable:
            raise Refused("no transport of ours can use it")
        is_end = event.candidate is None or not event.candidate.candidate
        if (self.ends if is_end else self.count) >= limit:
            raise Refused(f"more than {limit} candidates")
        if is_end:
            self.ends += 1
        else:
            self.count += 1

    def hold(self, event: CandidateReceived, limit: int) -> None:
        """Keep one until there is a transport for it."""
        self.take(event, limit)
        self.early.append(event)

    def release_early(self) -> list[CandidateReceived]:
        """What was held, which is then no longer."""
        early, self.early = self.early, []
        return early

    def begin_anew(self) -> None:
        """What was held, and counted, is forgotten: another conversation begins."""
        self.early.clear()
        self.count = self.ends = 0

    def release_found(self) -> list[IceCandidate | None]:
        found, self.found = self.found, []
        return found
