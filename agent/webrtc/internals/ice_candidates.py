"""Candidates of one connection: those of our own addresses, those that come later, the pair that
was selected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aioice
import aioice.ice

from agent.webrtc.internals.datagram_guard import open_socket


def interface_addresses() -> Iterator[tuple[str, str]]:
    """Name and address of each of this machine's, without link-local ones of IPv6."""
    adapters: Any = vars(aioice.ice)["ifaddr"].get_adapters()
    for adapter in adapters:
        for each in adapter.ips:
            if isinstance(each.ip, str):
                yield adapter.name, each.ip
            elif each.ip[2] == 0:
                yield adapter.name, each.ip[0]


def use_host_addresses(
    ice: aioice.ice.Connection,
    choose: Callable[[], list[str]],
    port_range: tuple[int, int] | None = None,
) -> None:
    """Gather host candidates from the addresses that `choose` names then, at ports of this range
    (both included), or at any.
    """

    async def gather(
        component: int,
        addresses: list[str],  # noqa: ARG001 - aioice's signature
        timeout: int = 5,  # noqa: ARG001 - likewise
    ) -> list[aioice.Candidate]:
        opened = [await open_socket(ice, component, address, port_range) for address in choose()]
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
