"""What a stranger may send to a socket of ours: judged below aioice, before anything is queued.

aioice queues whatever is no STUN without a bound and from any address, takes a STUN message that it
cannot read for media, lets some of its parser's errors out, and answers every request that lacks
credentials.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import socket
import time
from typing import Any

import aioice
import aioice.ice
import aioice.stun
from aioice.candidate import candidate_foundation, candidate_priority

from agent.webrtc.internals.connectivity_checks import ConnectivityChecks
from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal

log = logging.getLogger(__name__)

# bytes; pylibsrtp has no room for more, and no path of ours carries more in one piece
MAX_DATAGRAM = 1500
# datagrams that wait to be read; in a call that runs well a few do
MAX_WAITING = 512
# answers a second to requests without the right credentials
MAX_ERROR_RESPONSES = 20
# bytes of a socket's buffer
RECEIVE_BUFFER = 256 * 1024

_GUARD = "_callbox_guard"


class DatagramGuard:
    """What one ICE connection lets in. One for all of its sockets; see `guard_of`."""

    def __init__(self, ice: aioice.ice.Connection) -> None:
        self.checks = ConnectivityChecks(ice)
        self._ice = ice
        self._respond_error = ice.respond_error
        self._error_responses = float(MAX_ERROR_RESPONSES)
        self._error_responses_at = 0.0
        self._sources: frozenset[tuple[str, int]] = frozenset()
        self._sources_of: tuple[int, ...] = ()
        ice.respond_error = self._refuse_request  # type: ignore[method-assign]

    def refusal(self, data: bytes, address: tuple[str, int]) -> Refusal | None:
        """Why this datagram is dropped; None where it may pass. STUN is left to its parser."""
        if not data:
            return Refusal.EMPTY
        if len(data) > MAX_DATAGRAM:
            return Refusal.OVERSIZED
        first = data[0]
        if is_stun(data):
            return None
        if not (20 <= first < 64 or 128 <= first < 192):
            return Refusal.UNKNOWN
        if address not in self._remote_addresses():
            return Refusal.FOREIGN
        return Refusal.OVERFLOW if self._ice._queue.qsize() >= MAX_WAITING else None

    def _remote_addresses(self) -> frozenset[tuple[str, int]]:
        """Of candidates, and of authenticated checks that came before the remote description."""
        candidates, early = self._ice._remote_candidates, self._ice._early_checks
        version = (
            len(candidates),
            id(candidates[-1]) if candidates else 0,
            len(early),
            id(early[-1]) if early else 0,
        )
        if version != self._sources_of:
            known = {(each._network_host, each.port) for each in candidates}
            self._sources = frozenset(known | {address for _, address, _ in early})
            self._sources_of = version
        return self._sources

    def _refuse_request(
        self,
        request: aioice.stun.Message,
        addr: tuple[str, int],
        protocol: aioice.ice.StunProtocol,
        error_code: tuple[int, str],
    ) -> None:
        """A request without the right credentials is answered (RFC 8489 9.1.3), within bounds."""
        if error_code[0] in (400, 401):
            REFUSED.count(Refusal.UNAUTHENTICATED)
            now = time.monotonic()
            elapsed, self._error_responses_at = now - self._error_responses_at, now
            self._error_responses = min(
                MAX_ERROR_RESPONSES, self._error_responses + elapsed * MAX_ERROR_RESPONSES
            )
            if self._error_responses < 1:
                return
            self._error_responses -= 1
        self._respond_error(request, addr, protocol, error_code)


class GuardedProtocol(aioice.ice.StunProtocol):
    """aioice's end of a socket behind the guard of its connection."""

    def __init__(self, ice: aioice.ice.Connection) -> None:
        super().__init__(ice)
        self._guard = guard_of(ice)

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        assert isinstance(data, bytes)  # noqa: S101 - narrows the type
        address = (addr[0], addr[1])
        refusal = self._guard.refusal(data, address)
        if refusal is not None:
            REFUSED.count(refusal)
        elif is_stun(data):
            self._stun_received(data, address)
        else:
            self.receiver.data_received(data, 1)

    def _stun_received(self, data: bytes, address: tuple[str, int]) -> None:
        try:
            message = aioice.stun.parse_message(data)
            if message.message_class is aioice.stun.Class.REQUEST:
                self.receiver.request_received(message, address, self)
                return
        except Exception:  # noqa: BLE001 - a stranger's bytes: the reaction is whatever the parser met
            REFUSED.count(Refusal.MALFORMED)
            return
        transaction = self.transactions.get(message.transaction_id)
        if transaction is not None and message.message_class in (
            aioice.stun.Class.RESPONSE,
            aioice.stun.Class.ERROR,
        ):
            transaction.response_received(message, address)

    async def request(
        self,
        request: aioice.stun.Message,
        addr: tuple[str, int],
        integrity_key: bytes | None = None,
        retransmissions: int | None = None,
    ) -> tuple[aioice.stun.Message, tuple[str, int]]:
        """Connectivity checks at our pace, what is asked of servers at aioice's."""
        if integrity_key is None:
            return await super().request(request, addr, integrity_key, retransmissions)
        return await self._guard.checks.ask(self, request, addr, integrity_key)

    def send_stun(self, message: aioice.stun.Message, addr: tuple[str, int]) -> None:
        # a retransmission's timer may outlive the socket
        if not self.transport.is_closing():
            super().send_stun(message, addr)

    async def send_data(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.transport.is_closing():
            raise ConnectionError("the socket is closed")
        await super().send_data(data, addr)


def is_stun(data: bytes) -> bool:
    """By its first byte (RFC 7983); `data` is not empty."""
    return data[0] < 4


def guard_of(ice: aioice.ice.Connection) -> DatagramGuard:
    """The guard of a connection, made with its first use."""
    guard = getattr(ice, _GUARD, None)
    if guard is None:
        guard = DatagramGuard(ice)
        setattr(ice, _GUARD, guard)
    assert isinstance(guard, DatagramGuard)  # noqa: S101 - narrows the type
    return guard


async def _bind(
    ice: aioice.ice.Connection, address: str, port_range: tuple[int, int] | None
) -> tuple[asyncio.DatagramTransport, GuardedProtocol]:
    """At a port of the range that is free, a random one, or at any. Raises OSError."""
    loop = asyncio.get_running_loop()
    low, high = port_range or (0, 0)
    count = high - low + 1
    start = secrets.randbelow(count)
    for number in range(count):
        port = low + (start + number) % count
        try:
            return await loop.create_datagram_endpoint(
                lambda: GuardedProtocol(ice), local_addr=(address, port)
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no port from {low} to {high} is free (ice.port_range)")


async def open_socket(
    ice: aioice.ice.Connection,
    component: int,
    address: str,
    port_range: tuple[int, int] | None = None,
) -> aioice.Candidate | None:
    """A guarded socket at `address`, known to `ice`, and its host candidate; None where it cannot
    be bound, or the connection was closed meanwhile.
    """
    try:
        transport, protocol = await _bind(ice, address, port_range)
    except OSError as error:
        log.warning("no socket at %s: %s", address, error)
        return None
    if ice._closing:
        # nobody would close it
        transport.abort()
        return None
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    host, port = transport.get_extra_info("sockname")[:2]
    protocol.local_candidate = aioice.Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=host,
        port=port,
        type="host",
    )
    ice._protocols.append(protocol)
    return protocol.local_candidate
