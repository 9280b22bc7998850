"""ICE: addresses, candidates that come later, the selected pair, and consent."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import aioice
import aioice.ice
import aioice.stun
from aiortc.rtcdtlstransport import RTCDtlsTransport
from aiortc.stats import RTCTransportStats

from agent.webrtc.internals.datagram_guard import open_socket

# seconds between checks, +-20 %
CONSENT_INTERVAL = 1.0
# seconds without an answer, whatever arrives: nothing may be sent any more (RFC 7675 5.1)
CONSENT_EXPIRY = 30.0
# answers may take 1.5 s: a full uplink queue is not a lost peer
CONSENT_RETRANSMISSIONS = 1
# seconds without anything at all: told
SILENCE = 3.0
# seconds between two looks at what has come
LISTENING = 0.25
LISTENING_IN_SILENCE = 0.05
# seconds between checks, then
ASKING_IN_SILENCE = 0.25

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
    """Consent freshness (RFC 7675), the round trip, and whether anything comes at all.

    A silent path is told of and kept: checks and media go on until consent has expired, so that it
    works again as soon as the network does. What counts as something is authenticated: an answer to
    a check, a check of the remote peer, a packet of DTLS or SRTP. Time in which we did not listen
    (a stopped process) is no silence.
    """

    def __init__(
        self,
        ice: aioice.ice.Connection,
        packets_received: Callable[[], int],
        on_silent: Callable[[float], None],
        on_heard: Callable[[], None],
        on_listened: Callable[[float], None],
    ) -> None:
        """`on_silent` gets the seconds since the last sign of life, `on_listened` those in which
        there were some.
        """
        self.round_trip_time: float | None = None
        self.lost = False
        self._silent = False
        self._ice = ice
        self._packets_received = packets_received
        self._on_silent, self._on_heard, self._on_listened = on_silent, on_heard, on_listened
        # answers and checks of the far side
        self._signs = 0
        self._answered_at = 0.0
        self._check_incoming = ice.check_incoming
        ice.check_incoming = self._checked  # type: ignore[method-assign]
        ice.query_consent = self._watch  # type: ignore[method-assign]

    def _checked(
        self, message: aioice.stun.Message, addr: tuple[str, int], protocol: aioice.ice.StunProtocol
    ) -> None:
        self._signs += 1
        self._check_incoming(message, addr, protocol)

    async def _watch(self) -> None:
        self._answered_at = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(self._ask())
            await self._listen()
            asking.cancel()
        self.lost = True
        self._ice._query_consent_task = None
        await self._ice.close()

    async def _listen(self) -> None:
        """Until consent has expired."""
        now, heard, quiet = time.monotonic(), self._heard(), 0.0
        while now - self._answered_at < CONSENT_EXPIRY:
            pause = LISTENING_IN_SILENCE if self._silent else LISTENING
            await asyncio.sleep(pause)
            before, now = now, time.monotonic()
            listened = min(now - before, 2 * pause)
            quiet += listened
            if self._heard() != heard:
                heard, quiet = self._heard(), 0.0
                if self._silent:
                    self._silent = False
                    self._on_heard()
            elif quiet >= SILENCE and not self._silent:
                self._silent = True
                self._on_silent(quiet)
            if not self._silent:
                self._on_listened(listened)

    def _heard(self) -> int:
        return self._signs + self._packets_received()

    async def _ask(self) -> None:
        while True:
            interval = ASKING_IN_SILENCE if self._silent else CONSENT_INTERVAL
            await asyncio.sleep(interval * (0.8 + 0.4 * random.random()))  # noqa: S311 - jitter, no secret
            if await self._check():
                self._signs += 1
                self._answered_at = time.monotonic()

    async def _check(self) -> bool:
        pair = self._ice._nominated.get(1)
        password = self._ice.remote_password
        if pair is None or password is None or pair.protocol.transport.is_closing():
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
