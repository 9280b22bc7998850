"""TURN allocations (RFC 8656) that send at once, wait for nothing without a bound, and do not look
at the time of day.

aioice makes a task for each packet that is sent, lets a TCP connection that is not read from grow
for ever, looks names up in threads that an exit waits for, and tells by the wall clock when a
channel has to be refreshed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import struct
from collections.abc import Callable
from typing import Any, TypeVar, cast

import aioice
import aioice.ice
import aioice.turn
from aioice.candidate import candidate_foundation, candidate_priority

from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal

# seconds: a channel lives for 600, its permission for 300
CHANNEL_REFRESH = 240.0
# seconds from a refresh that failed to the next one
CHANNEL_RETRY = 10.0
# bytes that wait for the server to read them; what comes on top is lost, as on any network
MAX_UNSENT = 256 * 1024
# packets that wait for a channel
MAX_UNBOUND = 64

# families of relays (RFC 8656 18.8)
IPV4, IPV6 = 0x01, 0x02
_REQUESTED_FAMILY = "REQUESTED-ADDRESS-FAMILY"
_FAMILY_NOT_SUPPORTED = 440

Protocol = TypeVar("Protocol", bound=asyncio.DatagramProtocol)


class Relay(aioice.turn.TurnTransport):
    """A datagram transport through one allocation. `dropped` counts packets that found no room."""

    def __init__(self, turn: aioice.turn.TurnClientProtocol) -> None:
        super().__init__(turn)
        self.dropped = 0
        self._turn = turn
        self._refresh_at: dict[tuple[str, int], float] = {}
        self._tasks: set[asyncio.Task[None]] = self._TurnTransport__send_tasks  # type: ignore[attr-defined]

    @property
    def server_address(self) -> str:
        return str(self._turn.server[0])

    def get_write_buffer_size(self) -> int:
        """Bytes on the way to the server that the system has not taken."""
        return int(self._turn.transport.get_write_buffer_size())  # type: ignore[union-attr]

    def sendto(self, data: bytes, addr: tuple[str, int]) -> None:
        channel = self._turn.peer_to_channel.get(addr)
        if self.is_closing():
            return
        if self.get_write_buffer_size() > MAX_UNSENT or (
            channel is None and len(self._tasks) >= MAX_UNBOUND
        ):
            self.dropped += 1
        elif channel is None:
            super().sendto(data, addr)  # which binds one
        else:
            self._turn._send(struct.pack("!HH", channel, len(data)) + data)
            self._keep(channel, addr)

    def is_closing(self) -> bool:
        """As every transport of asyncio's says it: nothing leaves any more."""
        return self._TurnTransport__close_task is not None or self._turn.transport.is_closing()  # type: ignore[attr-defined]

    def abort(self) -> None:
        """Leave without a word to the server, which ends the allocation by itself."""
        for task in self._tasks:
            task.cancel()
        inner: Any = self._turn.transport
        inner.abort()

    def _keep(self, channel: int, addr: tuple[str, int]) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._refresh_at.setdefault(addr, now + CHANNEL_REFRESH):
            return
        self._refresh_at[addr] = now + CHANNEL_RETRY
        task = asyncio.create_task(self._refresh(channel, addr), name="turn-channel")
        self._tasks.add(task)
        task.add_done_callback(self._send_done)

    async def _refresh(self, channel: int, addr: tuple[str, int]) -> None:
        await self._turn.channel_bind(channel, addr)
        self._refresh_at[addr] = asyncio.get_running_loop().time() + CHANNEL_REFRESH


class _CarefulTurn(aioice.turn.TurnClientMixin):
    """Drops what cannot be read: the server may be one that a caller named. May ask for a relay of
    one family.
    """

    relay_family: int | None = None

    async def request_with_retry(
        self, request: aioice.stun.Message
    ) -> tuple[aioice.stun.Message, tuple[str, int]]:
        allocates = request.message_method == aioice.stun.Method.ALLOCATE
        if allocates and self.relay_family is not None:
            request.attributes[_REQUESTED_FAMILY] = self.relay_family << 24
        return await super().request_with_retry(request)

    def datagram_received(self, data: bytes | str, addr: tuple[str, int]) -> None:
        try:
            super().datagram_received(data, addr)
        except Exception:  # noqa: BLE001 - a stranger's bytes: the reaction is whatever the parser met
            REFUSED.count(Refusal.MALFORMED)


class _TurnOverTcp(_CarefulTurn, aioice.turn.TurnClientTcpProtocol):
    pass


class _TurnOverUdp(_CarefulTurn, aioice.turn.TurnClientUdpProtocol):
    pass


async def open_relay(
    make_protocol: Callable[[], Protocol],
    address: tuple[str, int],
    *,
    username: str | None,
    credential: str | None,
    transport: str,
    relay_family: int | None = None,
    tls: ssl.SSLContext | None = None,
    tls_name: str | None = None,
) -> tuple[Relay, Protocol]:
    """Allocate at a numeric `address`; `transport` is udp or tcp, `relay_family` IPV4, IPV6 or what
    the server gives by itself. Raises OSError or aioice's TransactionError.
    """
    _know_requested_family()
    loop = asyncio.get_running_loop()
    options = {
        "username": username,
        "password": credential,
        "lifetime": aioice.turn.DEFAULT_ALLOCATION_LIFETIME,
        "channel_refresh_time": aioice.turn.DEFAULT_CHANNEL_REFRESH_TIME,
    }
    inner: asyncio.BaseTransport
    turn: aioice.turn.TurnClientProtocol
    if transport == "tcp":
        inner, turn = await loop.create_connection(
            lambda: _TurnOverTcp(address, **options),  # type: ignore[arg-type]
            *address,
            ssl=tls,
            server_hostname=tls_name if tls else None,
        )
    else:
        inner, turn = await loop.create_datagram_endpoint(
            lambda: _TurnOverUdp(address, **options),  # type: ignore[arg-type]
            remote_addr=address,
        )
    cast("_CarefulTurn", turn).relay_family = relay_family
    try:
        relay, protocol = Relay(turn), make_protocol()
        await relay._connect(protocol)
    except BaseException:
        # also where the wait for it is given up: nobody else knows of this socket
        inner.close()
        raise
    return relay, protocol


def refuses_family(error: Exception) -> bool:
    """Whether a server has no relays of the family that was asked for (RFC 8656 7.2: 440)."""
    return isinstance(error, aioice.stun.TransactionFailed) and (
        error.response.attributes.get("ERROR-CODE", (0,))[0] == _FAMILY_NOT_SUPPORTED
    )


def _know_requested_family() -> None:
    """Let aioice write the attribute."""
    if _REQUESTED_FAMILY not in aioice.stun.ATTRIBUTES_BY_NAME:
        codec = aioice.stun.pack_unsigned, aioice.stun.unpack_unsigned
        entry = (0x0017, _REQUESTED_FAMILY, *codec)
        aioice.stun.ATTRIBUTES_BY_NAME[_REQUESTED_FAMILY] = entry
        aioice.stun.ATTRIBUTES_BY_TYPE[0x0017] = entry


def relayed_candidate(relay: Relay, *, hide_related_address: bool) -> aioice.Candidate:
    """The candidate of an allocation (RFC 8839 5.1); its related address would tell where we really
    are.
    """
    host, port = relay.get_extra_info("sockname")[:2]
    related: Any = relay.get_extra_info("related_address")
    if hide_related_address:
        related = ("0.0.0.0" if ipaddress.ip_address(host).version == 4 else "::", 9)
    return aioice.Candidate(
        foundation=candidate_foundation("relay", "udp", host),
        component=1,
        transport="udp",
        priority=candidate_priority(1, "relay"),
        host=host,
        port=port,
        type="relay",
        related_address=related[0],
        related_port=related[1],
    )
