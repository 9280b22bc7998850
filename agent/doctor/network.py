"""The servers that help calls through the network."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from typing import cast

import aioice.stun

from agent.doctor.findings import Finding, Verdict
from agent.settings import Settings
from agent.webrtc.ice.gather import allocate, explain
from agent.webrtc.ice.happy_eyeballs import first_that_answers
from agent.webrtc.ice.ice_servers import UsableServer, usable_servers
from agent.webrtc.ice.resolver import resolve

_SERVER_TIMEOUT = 6.0


async def check_ice_servers(settings: Settings) -> AsyncIterator[Finding]:
    """A STUN binding or a TURN allocation with each server. No finding has an address of ours in
    it.
    """
    ice = settings.ice.options()
    servers = usable_servers(ice.servers, time.time())
    if not servers:
        relay_only = settings.ice.transport_policy == "relay"
        yield Finding(
            "ice",
            Verdict.WARNING if relay_only else Verdict.SKIPPED,
            "ice.servers is empty: calls work on one network, and where the caller brings a server",
            "ice.transport_policy is relay: set a TURN server." if relay_only else "",
        )
    for server in servers:
        yield await _check_server(server, ice.ca_file)


async def _check_server(server: UsableServer, ca_file: str | None) -> Finding:
    started_at = time.monotonic()
    try:
        async with asyncio.timeout(_SERVER_TIMEOUT):
            got = await (_bind(server) if server.scheme == "stun" else _allocate(server, ca_file))
    except (TimeoutError, aioice.stun.TransactionError, OSError, ValueError) as error:
        return Finding(
            "ice",
            Verdict.FAILED,
            f"{server.name} {explain(error, server)}",
            _server_advice(error, server),
        )
    took = time.monotonic() - started_at
    text = f"{server.name} {got} in {took * 1000:.0f} ms"
    return Finding("ice", Verdict.OK, text, figures={"seconds": round(took, 3)})


def _server_advice(error: Exception, server: UsableServer) -> str:
    match error:
        case TimeoutError() | aioice.stun.TransactionTimeout():
            return (
                f"Is it running? May this machine send {server.transport.upper()} to port "
                f"{server.port}?"
            )
        case aioice.stun.TransactionFailed() if server.expired(time.time()):
            return (
                "Get a new credential, or set secret, so that each call makes its own; "
                "check this machine's clock."
            )
        case aioice.stun.TransactionFailed() if server.username:
            return "Check username and credential, or secret and this machine's clock."
        case ssl.SSLCertVerificationError():
            return (
                "Check ice.ca_file, the name in the server's certificate, and this machine's clock."
            )
    return "Check its URL in ice.servers."


async def _allocate(server: UsableServer, ca_file: str | None) -> str:
    relay, _ = await allocate(server, asyncio.DatagramProtocol, ca_file)
    relay.close()
    await asyncio.sleep(0)
    return "relays for us"


class _StunClient(asyncio.DatagramProtocol):
    """Sends one request (`aioice.stun.TransactionSender`) and hands over its response."""

    def __init__(self) -> None:
        self.transaction: aioice.stun.Transaction | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # in Python 3.11 its class does not say so
        self._transport = cast("asyncio.DatagramTransport", transport)

    def send_stun(self, message: aioice.stun.Message, addr: tuple[str, int]) -> None:  # noqa: ARG002 - it is connected
        if self._transport is not None:
            self._transport.sendto(bytes(message))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = aioice.stun.parse_message(data)
        except ValueError:
            return
        if self.transaction is not None:
            self.transaction.response_received(message, addr)


async def _bind(server: UsableServer) -> str:
    async def attempt(host: str) -> str:
        return await _bind_at((host, server.port))

    def forget(_answer: str) -> None:
        """Another address of the server has answered already."""

    return await first_that_answers(await resolve(server.host), attempt, forget)


async def _bind_at(address: tuple[str, int]) -> str:
    transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
        _StunClient, remote_addr=address
    )
    try:
        request = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
        client.transaction = aioice.stun.Transaction(request, address, client)
        response, _ = await client.transaction.run()
        mapped = response.attributes.get("XOR-MAPPED-ADDRESS")
        if mapped is None:
            raise ValueError("its answer has no address")
        if mapped[0] == transport.get_extra_info("sockname")[0]:
            return "sees us at our own address"
        return "sees us at another address than our own, so a NAT is between,"
    finally:
        transport.close()
