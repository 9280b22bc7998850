"""Why a transport is not connected: what was tried, by kinds and counts, without addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from agent.core.call.events import ErrorRaised
from agent.webrtc.ice.trickle import Trickle
from agent.webrtc.internals import ConsentWatch, DtlsReader, PeerConnection, pairs_of

_KINDS = ("host", "srflx", "prflx", "relay")


class ConnectReport:
    """Of one transport, at any time before it connects."""

    def __init__(
        self, pc: PeerConnection, trickle: Trickle, consent: ConsentWatch, dtls: DtlsReader
    ) -> None:
        self._pc, self._trickle = pc, trickle
        self._consent, self._dtls = consent, dtls

    def failure(self, *, ice_connected: bool) -> ErrorRaised:
        """The part that did not connect, and what is known of it."""
        if ice_connected:
            why = self._dtls.failure or "the remote peer does not answer the handshake"
            return ErrorRaised("dtls_failed", f"DTLS did not connect: {why}")
        return ErrorRaised("ice_failed", f"ICE did not connect: {'; '.join(self._tried())}")

    def _tried(self) -> Iterable[str]:
        ice, names = self._pc.require_ice(), self._trickle.hidden
        yield f"of ours {in_kinds(each.type for each in ice.local_candidates)}"
        theirs = in_kinds(each.type for each in ice.remote_candidates)
        named = f" and {names.count} with a .local name ({names.unknown} not found)"
        yield f"of the remote peer {theirs}{named if names.count else ''}"
        pairs, answered = pairs_of(ice)
        yield f"{pairs} pairs, {answered} answered"
        if not self._consent.signs:
            yield "no check of the remote peer came"
            if names.count:
                yield "a firewall here must let mDNS in (UDP 5353), or UDP to ice.port_range"


def in_kinds(kinds: Iterable[str]) -> str:
    """Such as `2 host, 1 relay`."""
    counts = Counter(kinds)
    return ", ".join(f"{counts[kind]} {kind}" for kind in _KINDS if counts[kind]) or "no candidate"
