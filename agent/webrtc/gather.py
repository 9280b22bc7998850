"""Candidates of STUN and TURN servers, gathered behind the answer: a server that is dead delays nothing (RFC 8838)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import aioice
import aioice.ice
import aioice.stun
from aiortc.rtcicetransport import parse_stun_turn_uri

from agent.conversation.events import IceServer
from agent.webrtc import inside

log = logging.getLogger(__name__)

SERVER_TIMEOUT = 5.0  # seconds
MAX_SERVERS = 10

_FAILURES = (OSError, aioice.stun.TransactionError, TimeoutError, ValueError)


@dataclass(frozen=True, slots=True)
class UsableServer:
    """One address of a STUN or TURN server."""

    scheme: str  # stun, turn or turns
    address: tuple[str, int]
    transport: str
    username: str | None
    credential: str | None


def usable_servers(servers: Iterable[IceServer]) -> list[UsableServer]:
    """Each address of each server; those that cannot be used are logged and left out."""
    usable = []
    for server in servers:
        for url in server.urls:
            try:
                usable.append(_read_server(server, url))
            except ValueError as error:
                log.warning("the ICE server %r is not used: %s", url, error)
    return usable[:MAX_SERVERS]


def _read_server(server: IceServer, url: str) -> UsableServer:
    parsed = parse_stun_turn_uri(url)
    scheme, transport = parsed["scheme"], parsed.get("transport", "udp")
    if scheme == "stuns" or transport not in ("udp", "tcp") or (scheme, transport) == ("turns", "udp"):
        raise ValueError("its transport is not supported")
    if not 0 < parsed["port"] < 65_536:
        raise ValueError("its port is out of range")
    if scheme != "stun" and not (server.username and server.credential):
        raise ValueError("it has no username or no credential")
    return UsableServer(scheme, (parsed["host"], parsed["port"]), transport, server.username, server.credential)


async def gather_from_servers(
    ice: aioice.ice.Connection,
    servers: Iterable[UsableServer],
    *,
    relay_only: bool,
    on_candidate: Callable[[aioice.Candidate], None],
) -> None:
    """Ask every server at once; report each candidate as it comes. Returns after the last answer or time-out."""
    async with asyncio.TaskGroup() as tasks:
        for server in servers:
            if server.scheme == "stun":
                for protocol in [] if relay_only else inside.host_protocols(ice):
                    tasks.create_task(_ask_stun(ice, protocol, server, on_candidate))
            else:
                tasks.create_task(_ask_turn(ice, server, relay_only, on_candidate))


async def _ask_stun(
    ice: aioice.ice.Connection,
    protocol: aioice.ice.StunProtocol,
    server: UsableServer,
    on_candidate: Callable[[aioice.Candidate], None],
) -> None:
    try:
        async with asyncio.timeout(SERVER_TIMEOUT):
            candidate, _ = await aioice.ice.server_reflexive_candidate(protocol, server.address)
    except _FAILURES as error:
        log.info("the STUN server %s:%s gave no candidate: %s", *server.address, str(error) or type(error).__name__)
        return
    if inside.add_local_candidate(ice, candidate, None):
        on_candidate(candidate)


async def _ask_turn(
    ice: aioice.ice.Connection,
    server: UsableServer,
    relay_only: bool,
    on_candidate: Callable[[aioice.Candidate], None],
) -> None:
    try:
        async with asyncio.timeout(SERVER_TIMEOUT):
            candidate, protocol = await aioice.ice.relayed_candidate(
                component=1,
                hide_related_address=relay_only,
                protocol_factory=lambda: aioice.ice.StunProtocol(ice),
                turn_server=server.address,
                turn_username=server.username,
                turn_password=server.credential,
                turn_ssl=server.scheme == "turns",
                turn_transport=server.transport,
            )
    except _FAILURES as error:
        log.warning("the TURN server %s:%s gave no candidate: %s", *server.address, str(error) or type(error).__name__)
        return
    if inside.add_local_candidate(ice, candidate, protocol):
        on_candidate(candidate)
    else:
        await protocol.close()
