"""What is on the network: the broker, and the servers that help calls through."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

import aioice.stun
import aioice.turn

from agent.device.adapters import client_options, mqtt_options
from agent.doctor.findings import Finding, Verdict
from agent.errors import NotConnected, SignalingError
from agent.settings import Settings
from agent.signaling.channel import Signaling
from agent.signaling.mqtt import MqttBroker
from agent.webrtc.gather import UsableServer, usable_servers

_BROKER_TIMEOUT = 8.0
_SERVER_TIMEOUT = 6.0
_ADVICE = (
    ("not authori", "Check mqtt.username and mqtt.password, and the broker's access rules."),
    ("bad user", "Check mqtt.username and mqtt.password."),
    ("refused", "Is it running, and on this port? mosquitto listens on 127.0.0.1 alone unless told otherwise."),
    ("name", "The name mqtt.host cannot be resolved: check it, and this machine's DNS."),
    ("certificate", "Check mqtt.tls.ca_file, the name in the broker's certificate, and this machine's clock."),
)


async def check_broker(settings: Settings) -> Finding:
    """Connect as the device would, under a name of our own, and subscribe to what it listens to."""
    mqtt = settings.mqtt
    where = f"{mqtt.host}:{mqtt.port}{' with TLS' if mqtt.tls.enabled else ''}"
    started_at = time.monotonic()
    try:
        options = replace(
            mqtt_options(settings), client_id=f"callbox-doctor-{uuid.uuid4()}", session_expiry=0, close_timeout=1.0
        )
        topics = Signaling.subscriptions(settings.uid, settings.topic_prefix)
        async with MqttBroker(options, subscriptions=topics) as broker:
            await broker.wait_connected(_BROKER_TIMEOUT)
    except (NotConnected, SignalingError) as error:
        reason = str(error)
        advice = next((text for word, text in _ADVICE if word in reason.lower()), "")
        return Finding("broker", Verdict.FAILED, reason, advice or "Check mqtt.host and mqtt.port.")
    took = time.monotonic() - started_at
    user = f" as {mqtt.username}" if mqtt.username else ""
    text = f"connected to {where}{user} and subscribed for {settings.uid} in {took * 1000:.0f} ms"
    return Finding("broker", Verdict.OK, text, figures={"seconds": round(took, 3)})


async def check_ice_servers(settings: Settings) -> AsyncIterator[Finding]:
    """A STUN binding or a TURN allocation with each server."""
    servers = usable_servers(client_options(settings).ice.servers)
    if not servers:
        relay_only = settings.ice.transport_policy == "relay"
        yield Finding(
            "ice",
            Verdict.WARNING if relay_only else Verdict.SKIPPED,
            "ice.servers is empty: calls work on one network, and where the caller brings a server",
            "ice.transport_policy is relay: set a TURN server." if relay_only else "",
        )
    for server in servers:
        yield await _check_server(server)


async def _check_server(server: UsableServer) -> Finding:
    host, port = server.address
    name = f"{server.scheme}:{host}:{port}"
    started_at = time.monotonic()
    try:
        async with asyncio.timeout(_SERVER_TIMEOUT):
            got = await (_bind(server) if server.scheme == "stun" else _allocate(server))
    except TimeoutError:
        advice = f"Is it running? May this machine send {server.transport.upper()} to port {port}?"
        return Finding("ice", Verdict.FAILED, f"{name} does not answer", advice)
    except aioice.stun.TransactionFailed as error:
        advice = "Check username and credential." if server.username else ""
        return Finding("ice", Verdict.FAILED, f"{name} refuses: {error}", advice)
    except (aioice.stun.TransactionError, OSError, ValueError) as error:
        return Finding("ice", Verdict.FAILED, f"{name}: {str(error) or 'no answer'}", "Check its URL in ice.servers.")
    took = time.monotonic() - started_at
    return Finding("ice", Verdict.OK, f"{name} {got} in {took * 1000:.0f} ms", figures={"seconds": round(took, 3)})


async def _allocate(server: UsableServer) -> str:
    transport, _ = await aioice.turn.create_turn_endpoint(
        asyncio.DatagramProtocol,
        server.address,
        server.username,
        server.credential,
        ssl=server.scheme == "turns",
        transport=server.transport,
    )
    try:
        return f"relays for us at {transport.get_extra_info('sockname')[0]}"
    finally:
        transport.close()
        await asyncio.sleep(0)


class _StunClient(asyncio.DatagramProtocol):
    """Sends one request (`aioice.stun.TransactionSender`) and hands over its response."""

    def __init__(self) -> None:
        self.transaction: aioice.stun.Transaction | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # in Python 3.11 its class does not say so

    def send_stun(self, message: aioice.stun.Message, addr: tuple[str, int]) -> None:
        if self._transport is not None:
            self._transport.sendto(bytes(message), addr)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = aioice.stun.parse_message(data)
        except ValueError:
            return
        if self.transaction is not None:
            self.transaction.response_received(message, addr)


async def _bind(server: UsableServer) -> str:
    loop = asyncio.get_running_loop()
    address = (await loop.getaddrinfo(*server.address, family=socket.AF_INET, type=socket.SOCK_DGRAM))[0][4]
    transport, client = await loop.create_datagram_endpoint(_StunClient, family=socket.AF_INET)
    try:
        request = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
        client.transaction = aioice.stun.Transaction(request, (str(address[0]), server.address[1]), client)
        response, _ = await client.transaction.run()
        return f"sees us as {response.attributes['XOR-MAPPED-ADDRESS'][0]}"
    finally:
        transport.close()
