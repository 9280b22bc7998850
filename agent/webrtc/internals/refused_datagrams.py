"""Datagrams that were refused, counted by cause for the whole process; none is logged."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from agent.counts import RefusalKind, refusals


class Refusal(StrEnum):
    """Why a datagram, or what it carried, was not used."""

    EMPTY = "empty"
    # larger than any path of ours carries in one piece
    OVERSIZED = "oversized"
    # neither STUN, DTLS nor SRTP (RFC 7983)
    UNKNOWN = "unknown"
    # media from an address that is no candidate of the remote peer
    FOREIGN = "foreign"
    # STUN, RTP or RTCP that cannot be read
    MALFORMED = "malformed"
    # without the right credentials or keys
    UNAUTHENTICATED = "unauthenticated"
    # more than is read
    OVERFLOW = "overflow"
    # a candidate or a source (SSRC) beyond those that are kept
    EXCESS = "excess"


class RefusedDatagrams:
    """Counts by cause, beside the one of all that `agent.counts` has; they only grow."""

    def __init__(self) -> None:
        self._counts: Counter[Refusal] = Counter()

    def count(self, refusal: Refusal) -> None:
        self._counts[refusal] += 1
        refusals.count(RefusalKind.DATAGRAM)

    def of(self, refusal: Refusal) -> int:
        return self._counts[refusal]

    def totals(self) -> dict[str, int]:
        """By cause; those that never happened are left out."""
        return {kind.value: self._counts[kind] for kind in Refusal if self._counts[kind]}


REFUSED = RefusedDatagrams()
