"""Clients on a broker in memory, with transports that connect when they are told to, and all that
they report.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agent.client.call_client import CallClient
from agent.client.call_context import ClientOptions
from agent.client.conversation import Conversation
from agent.core.call.reasons import CallStatus
from agent.ports import CallScreening, LocalStream
from agent.signaling.channel import SignalingChannel
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.fakes.peer import FakePeers
from tests.waiting import PATIENCE

PREFIX = "callbox/v1"
NOW = 1_800_000_000.0
FAST = ClientOptions(stats_interval=0.01, wall=lambda: NOW)


class Party:
    """A client with its fakes, and every event of its conversations."""

    def __init__(
        self,
        client: CallClient,
        signaling: SignalingChannel,
        peers: FakePeers,
        broker: FakeBroker,
        network: FakeNetwork,
    ) -> None:
        self.client, self.signaling, self.peers = client, signaling, peers
        self.broker, self.network = broker, network
        self.called: asyncio.Queue[Conversation] = asyncio.Queue()
        self.events: list[tuple[str, Any]] = []
        self._arrived = asyncio.Condition()
        client.on("called", self.called.put_nowait)
        client.subscribe(self._keep)

    async def _keep(self, _conversation: Conversation, name: str, event: Any) -> None:
        async with self._arrived:
            self.events.append((name, event))
            self._arrived.notify_all()

    async def seen(self, name: str) -> Any:
        async with asyncio.timeout(PATIENCE), self._arrived:
            await self._arrived.wait_for(lambda: any(each == name for each, _ in self.events))
        return next(event for each, event in self.events if each == name)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events if not name.endswith("_stats")]


@asynccontextmanager
async def party(
    network: FakeNetwork,
    uid: str,
    options: ClientOptions = FAST,
    client_id: str = "",
    screening: CallScreening | None = None,
) -> AsyncIterator[Party]:
    name = client_id or uid
    broker, peers = FakeBroker(network, name), FakePeers()
    signaling = SignalingChannel(
        broker,
        uid=uid,
        prefix=PREFIX,
        party=f"party-{name}",
        now=options.wall,
        monotonic=options.monotonic,
    )
    client = CallClient(signaling, peers, options, screening=screening)
    async with broker, client:
        await broker.wait_connected(30)
        yield Party(client, signaling, peers, broker, network)


@asynccontextmanager
async def two(options: ClientOptions = FAST) -> AsyncIterator[tuple[Party, Party]]:
    network = FakeNetwork()
    async with party(network, "alice", options) as alice, party(network, "bob", options) as bob:
        yield alice, bob


def said(network: FakeNetwork, sender: str, to: str) -> list[dict[str, Any]]:
    """Every signalling message of `sender` to `to`, in order."""
    topic = f"{PREFIX}/{to}/signal/{sender}"
    return [json.loads(each.payload) for each in network.published if each.topic == topic]


async def called(who: Party) -> Conversation:
    async with asyncio.timeout(PATIENCE):
        return await who.called.get()


async def connected(alice: Party, bob: Party) -> tuple[Conversation, Conversation]:
    """A call from alice that bob has accepted, connected on both sides."""
    outgoing = alice.client.call("bob")
    incoming = await called(bob)
    await incoming.accept(LocalStream())
    async with asyncio.timeout(PATIENCE):
        assert await outgoing.answered() is CallStatus.ACCEPTED
    alice.peers.last.connect()
    bob.peers.last.connect()
    await alice.seen("local_stats")
    await bob.seen("local_stats")
    return outgoing, incoming
