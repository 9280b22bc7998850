"""Candidates of STUN and TURN servers, gathered behind the answer: a server that is dead delays
nothing (RFC 8838).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import aioice
import aioice.ice
import aioice.stun
from aioice.candidate import candidate_foundation, candidate_priority

from agent.printable import printable
from agent.tls import trust_alike
from agent.webrtc.ice.foreign_servers import resolve_foreign
from agent.webrtc.ice.happy_eyeballs import first_that_answers
from agent.webrtc.ice.ice_servers import UsableServer
from agent.webrtc.ice.resolver import resolve
from agent.webrtc.internals import (
    IPV6,
    GuardedProtocol,
    Relay,
    RelayProtocol,
    add_local_candidate,
    host_protocols,
    open_relay,
    refuses_family,
    relayed_candidate,
)

log = logging.getLogger(__name__)

SERVER_TIMEOUT = 5.0  # seconds
# characters of what a server says
MAX_PHRASE = 120


async def gather_from_servers(
    ice: aioice.ice.Connection,
    servers: Iterable[UsableServer],
    *,
    relay_only: bool,
    ca_file: str | None = None,
    on_candidate: Callable[[aioice.Candidate], None],
) -> list[str]:
    """Ask every server at once; report each candidate as it comes. Returns after the last answer or
    time-out.

    What it returns says of each server that gave nothing what was wrong with it.
    """
    faults: list[str] = []

    async def ask(server: UsableServer) -> None:
        try:
            async with asyncio.timeout(SERVER_TIMEOUT):
                if server.scheme == "stun":
                    await _ask_stun(ice, server, on_candidate)
                else:
                    await _ask_turn(ice, server, relay_only, ca_file, on_candidate)
        except Exception as error:  # noqa: BLE001 - the edge of a task: a server may answer anything, or nothing
            fault = f"{_phrase(server.name)} {explain(error, server)}"
            log.warning("%s", fault)
            faults.append(fault)

    async with asyncio.TaskGroup() as tasks:
        for server in servers:
            if server.scheme != "stun" or not relay_only:
                tasks.create_task(ask(server))
    return faults


def explain(error: Exception, server: UsableServer) -> str:
    """What is wrong with a server, to be read after its name."""
    match error:
        case TimeoutError() | aioice.stun.TransactionTimeout():
            return "does not answer"
        case aioice.stun.TransactionFailed():
            ended = server.expired(time.time())
            why = f": its credential has expired at {ended:%Y-%m-%d %H:%M} UTC" if ended else ""
            return f"refuses: {_phrase(str(error))}{why}"
        case ssl.SSLCertVerificationError():
            return f"has a certificate that is not trusted: {_phrase(error.verify_message)}"
    return f"gives no candidate: {_phrase(str(error)) or type(error).__name__}"


def _phrase(text: str) -> str:
    """What a stranger wrote, as it may stand in a log: short, without escape sequences."""
    return printable(text[:MAX_PHRASE])


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """For `turns:`: the system's authorities, and those of `ca_file` as it is now. Reads files.
    Raises OSError.
    """
    return _tls_context(ca_file, None if ca_file is None else Path(ca_file).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _tls_context(ca_file: str | None, _changed_at: int | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    trust_alike(context)
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


async def _addresses(server: UsableServer) -> list[str]:
    """Raises OSError where there is none that may be asked."""
    return await (resolve_foreign if server.is_foreign else resolve)(server.host)


async def allocate(
    server: UsableServer,
    make_protocol: Callable[[], RelayProtocol],
    ca_file: str | None = None,
    relay_family: int | None = None,
) -> tuple[Relay, RelayProtocol]:
    """An allocation at a TURN server, at the first of its addresses that answers; where it has no
    relays of IPv4, which is what a server gives by itself, one of IPv6. Raises OSError or aioice's
    TransactionError.
    """
    tls = await asyncio.to_thread(tls_context, ca_file) if server.scheme == "turns" else None

    async def allocate_at(address: str, family: int | None) -> tuple[Relay, RelayProtocol]:
        return await open_relay(
            make_protocol,
            (address, server.port),
            username=server.username,
            credential=server.credential,
            transport=server.transport,
            relay_family=family,
            tls=tls,
            tls_name=server.host,
        )

    async def attempt(address: str) -> tuple[Relay, RelayProtocol]:
        try:
            return await allocate_at(address, relay_family)
        except aioice.stun.TransactionFailed as error:
            if relay_family is not None or not refuses_family(error):
                raise
        return await allocate_at(address, IPV6)

    def discard(made: tuple[Relay, RelayProtocol]) -> None:
        made[0].abort()

    return await first_that_answers(await _addresses(server), attempt, discard)


async def _ask_turn(
    ice: aioice.ice.Connection,
    server: UsableServer,
    relay_only: bool,
    ca_file: str | None,
    on_candidate: Callable[[aioice.Candidate], None],
) -> None:
    relay, protocol = await allocate(server, lambda: GuardedProtocol(ice), ca_file)
    await _add_relay(ice, relay, protocol, relay_only, on_candidate)
    over_ipv6 = ":" in relay.server_address
    if over_ipv6 and ":" not in protocol.local_candidate.host:
        # a relay of IPv4 reaches no peer of a network that has IPv6 alone
        with suppress(OSError, aioice.stun.TransactionError):
            relay, protocol = await allocate(server, lambda: GuardedProtocol(ice), ca_file, IPV6)
            await _add_relay(ice, relay, protocol, relay_only, on_candidate)


async def _add_relay(
    ice: aioice.ice.Connection,
    relay: Relay,
    protocol: GuardedProtocol,
    relay_only: bool,
    on_candidate: Callable[[aioice.Candidate], None],
) -> None:
    candidate = protocol.local_candidate = relayed_candidate(relay, hide_related_address=relay_only)
    if add_local_candidate(ice, candidate, protocol):
        on_candidate(candidate)
    else:
        await protocol.close()


async def _ask_stun(
    ice: aioice.ice.Connection,
    server: UsableServer,
    on_candidate: Callable[[aioice.Candidate], None],
) -> None:
    """From each socket of a host candidate. Raises the first failure where none got an answer."""
    addresses = await _addresses(server)

    async def ask_from(protocol: aioice.ice.StunProtocol, usable: list[str]) -> None:
        async def attempt(address: str) -> aioice.Candidate:
            return await _ask_stun_from(protocol, (address, server.port))

        candidate = await first_that_answers(usable, attempt, _forget)
        if add_local_candidate(ice, candidate, None):
            on_candidate(candidate)

    asked = []
    for protocol in host_protocols(ice):
        is_ipv6 = ":" in protocol.local_candidate.host
        usable = [address for address in addresses if (":" in address) is is_ipv6]
        if usable:
            asked.append(ask_from(protocol, usable))
    if not asked:
        raise OSError("this machine has no address of its kind")
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    failures = [each for each in outcomes if isinstance(each, BaseException)]
    if len(failures) == len(outcomes):
        raise failures[0]


def _forget(_candidate: aioice.Candidate) -> None:
    """Another address of the same server has answered already."""


async def _ask_stun_from(
    protocol: aioice.ice.StunProtocol, server: tuple[str, int]
) -> aioice.Candidate:
    request = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
    response, _ = await protocol.request(request, server)
    mapped = response.attributes.get("XOR-MAPPED-ADDRESS")
    if mapped is None:
        raise ValueError("its answer has no address")
    base = protocol.local_candidate
    return aioice.Candidate(
        foundation=candidate_foundation("srflx", "udp", base.host),
        component=base.component,
        transport=base.transport,
        priority=candidate_priority(base.component, "srflx"),
        host=str(ipaddress.ip_address(mapped[0])),
        port=mapped[1],
        type="srflx",
        related_address=base.host,
        related_port=base.port,
    )
