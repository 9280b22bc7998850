"""Candidates of one connection: those of our own addresses, those that come later, the pair that
was selected.
"""

from __future__ import annotations

from dataclasses import dataclass

import aioice
import aioice.ice

from agent.webrtc.internals.datagram_guard import open_socket

MAX_HOST_ADDRESSES = 10


def use_host_addresses(ice: aioice.ice.Connection, addresses: tuple[str, ...]) -> None:
    """Gather host candidates from `addresses`. Empty: from what aioice finds, or loopback where it
    finds nothing.
    """

    async def gather(
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ARG001 - aioice's signature
        *,
        chosen: tuple[str, ...] = addresses,
    ) -> list[aioice.Candidate]:
        found = list(chosen) or addresses or ["127.0.0.1"]
        opened = [
            await open_socket(ice, component, address) for address in found[:MAX_HOST_ADDRESSES]
        ]
        return [candidate for candidate in opened if candidate is not None]

    ice.get_component_candidates = gather  # type: ignore[method-assign]


def host_protocols(ice: aioice.ice.Connection) -> list[aioice.ice.StunProtocol]:
    """The sockets of the host candidates: those that a STUN server can be asked from."""
    return [protocol for protocol in ice._protocols if protocol.local_candidate.type == "host"]


def add_local_candidate(
    ice: aioice.ice.Connection,
    candidate: aioice.Candidate,
    protocol: aioice.ice.StunProtocol | None,
) -> bool:
    """Add a candidate while checks may be running; a relayed one brings its protocol. False for one
    that is known.
    """
    address = (candidate.host, candidate.port)
    if any((known.host, known.port) == address for known in ice._local_candidates):
        return False
    ice._local_candidates.append(candidate)
    if protocol is not None:
        ice._protocols.append(protocol)
        for remote in ice._remote_candidates:
            ice._pair_remote_candidate(remote)
        ice.sort_check_list()
    return True


def pairs_of(ice: aioice.ice.Connection) -> tuple[int, int]:
    """How many pairs are, or were, checked, and how many of those were answered."""
    states = [pair.state for pair in ice._check_list]
    succeeded = aioice.ice.CandidatePair.State.SUCCEEDED
    return len(states), sum(state is succeeded for state in states)


def knows_remote_candidates(ice: aioice.ice.Connection) -> bool:
    return bool(ice._remote_candidates)


@dataclass(frozen=True, slots=True)
class SelectedPair:
    local: aioice.Candidate
    remote: aioice.Candidate


def selected_pair(ice: aioice.ice.Connection) -> SelectedPair | None:
    pair = ice._nominated.get(1)
    return None if pair is None else SelectedPair(pair.local_candidate, pair.remote_candidate)
