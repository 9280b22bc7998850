"""ICE: addresses, candidates that come later, the selected pair, and consent."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aioice
import aioice.ice
import aioice.stun
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.stats import RTCTransportStats

CONSENT_INTERVAL = 1.0  # seconds between checks, +-20 %
CONSENT_SILENCE = 4.0  # seconds without an answer and without any packet: the far side is gone
CONSENT_EXPIRY = 30.0  # seconds without an answer, whatever arrives (RFC 7675 5.1)
CONSENT_RETRANSMISSIONS = 1  # answers may take 1.5 s: a full uplink queue is not a lost peer

MAX_HOST_ADDRESSES = 10


def use_host_addresses(ice: aioice.ice.Connection, addresses: tuple[str, ...]) -> None:
    """Gather host candidates from `addresses`. Empty: from what aioice finds, or loopback where it finds nothing."""
    gather = ice.get_component_candidates

    async def bounded(
        component: int, addresses: list[str], timeout: int = 5, *, chosen: tuple[str, ...] = addresses
    ) -> Any:
        found = list(chosen) or addresses or ["127.0.0.1"]
        return await gather(component=component, addresses=found[:MAX_HOST_ADDRESSES], timeout=timeout)

    ice.get_component_candidates = bounded  # type: ignore[method-assign]


def host_protocols(ice: aioice.ice.Connection) -> list[aioice.ice.StunProtocol]:
    """The sockets of the IPv4 host candidates: those that a STUN server can be asked from."""
    return [p for p in ice._protocols if p.local_candidate.type == "host" and ":" not in p.local_candidate.host]


def add_local_candidate(
    ice: aioice.ice.Connection, candidate: aioice.Candidate, protocol: aioice.ice.StunProtocol | None
) -> bool:
    """Add a candidate while checks may be running; a relayed one brings its protocol. False for one that is known."""
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


def knows_remote_candidates(ice: aioice.ice.Connection) -> bool:
    return bool(ice._remote_candidates)


@dataclass(frozen=True, slots=True)
class SelectedPair:
    local: aioice.Candidate
    remote: aioice.Candidate


def selected_pair(ice: aioice.ice.Connection) -> SelectedPair | None:
    pair = ice._nominated.get(1)
    return None if pair is None else SelectedPair(pair.local_candidate, pair.remote_candidate)


def transport_totals(dtls: RTCDtlsTransport) -> RTCTransportStats:
    (stats,) = dtls._get_stats().values()
    assert isinstance(stats, RTCTransportStats)  # noqa: S101 - narrows the type
    return stats


class ConsentWatch:
    """Consent freshness (RFC 7675): patient with a slow network, quick with a dead one; measures the round trip."""

    def __init__(self, ice: aioice.ice.Connection, packets_received: Callable[[], int]) -> None:
        self.round_trip_time: float | None = None
        self.lost = False
        self._ice = ice
        self._packets_received = packets_received
        ice.query_consent = self._watch  # type: ignore[method-assign]

    async def _watch(self) -> None:
        now = answered = heard = time.monotonic()
        arrived = self._packets_received()
        while now - heard < CONSENT_SILENCE and now - answered < CONSENT_EXPIRY:
            await asyncio.sleep(CONSENT_INTERVAL * (0.8 + 0.4 * random.random()))  # noqa: S311 - jitter, no secret
            confirmed = await self._check()
            now = time.monotonic()
            if confirmed:
                answered = heard = now
            elif self._packets_received() != arrived:
                heard = now
            arrived = self._packets_received()
        self.lost = True
        self._ice._query_consent_task = None
        await self._ice.close()

    async def _check(self) -> bool:
        pair = self._ice._nominated.get(1)
        password = self._ice.remote_password
        if pair is None or password is None:
            return False
        request = self._ice.build_request(pair, nominate=False)
        started = time.monotonic()
        try:
            await pair.protocol.request(
                request,
                pair.remote_addr,
                integrity_key=password.encode("utf8"),
                retransmissions=CONSENT_RETRANSMISSIONS,
            )
        except aioice.stun.TransactionError:
            return False
        self.round_trip_time = time.monotonic() - started
        return True
