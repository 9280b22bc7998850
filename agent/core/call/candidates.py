"""Candidates that wait for their transport, and how many of the remote peer's are taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from agent.core.call.inputs import CandidateReceived
from agent.core.call.machine import Refused
from agent.core.call.values import IceCandidate

# sound, picture and data: nobody has more
SECTIONS = 3


@dataclass(slots=True)
class Candidates:
    """Of one conversation, whatever transports it has (PROTOCOL 8)."""

    # of the remote peer, by the section that each names: one carries the transport, and callers
    # send the same for each of three
    counts: Counter[str | int | None] = field(default_factory=Counter)
    # how often the remote peer said that there are no more
    ends: int = 0
    # of the remote peer, before there is a transport for them
    early: list[CandidateReceived] = field(default_factory=list)
    # of ours, found before the answer or the invitation is out
    found: list[IceCandidate | None] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Of the remote peer, for all sections."""
        return self.counts.total()

    def take(self, event: CandidateReceived, limit: int) -> None:
        """Count one of the remote peer's. Raises Refused beyond `limit`, and for one that is of no
        use, which costs nothing. An end of candidates is none; there are as many.
        """
        if not event.usable:
            raise Refused("no transport of ours can use it")
        candidate = event.candidate
        if candidate is None or not candidate.candidate:
            if self.ends >= limit:
                raise Refused(f"more than {limit} ends of candidates")
            self.ends += 1
            return
        mid, index = candidate.sdp_mid, candidate.sdp_mline_index
        section = index if mid is None else mid
        if self.counts[section] >= limit or self.count >= SECTIONS * limit:
            raise Refused(f"more than {limit} candidates")
        self.counts[section] += 1

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
        self.counts.clear()
        self.ends = 0

    def release_found(self) -> list[IceCandidate | None]:
        found, self.found = self.found, []
        return found
