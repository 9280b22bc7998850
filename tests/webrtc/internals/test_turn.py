"""Sending through TURN: at once, within bounds, and whatever the time of day."""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any, cast

import aioice.stun
import aioice.turn
import pytest

from agent.core.call.events import CandidateFound, IceServer, PeerConnected, PeerHeard, PeerSilent
from agent.ports import IceOptions, LocalStream
from agent.webrtc import internals as inside
from agent.webrtc.internals import consent as ice
from agent.webrtc.internals import turn
from tests.turnserver import PASSWORD, USER, turn_server
from tests.webrtc.feeds import ClipFeed
from tests.webrtc.pairs import Hole, Side, closing

PEER = ("192.0.2.9", 5000)


class Pipe:
    """The way to the server."""

    def __init__(self) -> None:
        self.waiting = 0
        self.closed = False

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class Client(aioice.turn.TurnClientMixin):
    """An allocation whose server binds a channel when it is allowed to."""

    def __init__(self) -> None:
        super().__init__(("192.0.2.1", 3478), "u", "p", 600, 500)
        self.pipe = Pipe()
        self.transport = cast("Any", self.pipe)
        self.sent: list[bytes] = []
        self.bound: list[int] = []
        self.binds = asyncio.Event()
        self.fails = False
        self.errors: list[Exception] = []
        self.receiver = Receiver(self.errors)

    def _send(self, data: bytes) -> None:
        self.sent.append(data)

    async def channel_bind(self, channel_number: int, addr: tuple[str, int]) -> None:
        self.bound.append(channel_number)
        await self.binds.wait()
        if self.fails:
            raise aioice.stun.TransactionTimeout

    async def delete(self) -> None:
        self.transport.close()


class Receiver(asyncio.DatagramProtocol):
    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def relay(client: Client) -> inside.Relay:
    return inside.Relay(cast("Any", client))


async def bind(relay: inside.Relay, client: Client) -> None:
    client.binds.set()
    relay.sendto(b"first", PEER)
    await settle()
    assert PEER in client.peer_to_channel
    client.sent.clear()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_relay_packets_leave_at_once_and_without_a_task(
    relay: inside.Relay, client: Client
) -> None:
    await bind(relay, client)
    tasks = asyncio.all_tasks()
    for number in range(1000):
        relay.sendto(number.to_bytes(2), PEER)
    assert asyncio.all_tasks() == tasks
    assert client.sent[:2] == [
        struct.pack("!HH", 0x4000, 2) + b"\0\0",
        struct.pack("!HH", 0x4000, 2) + b"\0\1",
    ]
    assert (len(client.sent), relay.dropped) == (1000, 0)


async def test_relay_server_that_does_not_read_gets_no_more(
    relay: inside.Relay, client: Client
) -> None:
    await bind(relay, client)
    client.pipe.waiting = turn.MAX_UNSENT + 1
    assert relay.get_write_buffer_size() == turn.MAX_UNSENT + 1
    for _ in range(1000):
        relay.sendto(b"x", PEER)
    assert (client.sent, relay.dropped) == ([], 1000)


async def test_relay_what_waits_for_a_channel_is_bounded(
    relay: inside.Relay, client: Client
) -> None:
    tasks = len(asyncio.all_tasks())
    for number in range(1000):
        relay.sendto(b"x", PEER)
        if number % 100 == 0:
            await settle()
    assert len(asyncio.all_tasks()) - tasks == turn.MAX_UNBOUND
    assert relay.dropped == 1000 - turn.MAX_UNBOUND
    client.binds.set()
    await settle()
    assert len(client.sent) == turn.MAX_UNBOUND
    assert len(asyncio.all_tasks()) == tasks


@pytest.mark.parametrize("wall", [0.0, 4e9])
async def test_relay_channel_is_refreshed_by_the_time_that_passes(
    relay: inside.Relay, client: Client, monkeypatch: pytest.MonkeyPatch, wall: float
) -> None:
    """The time of day would have it refreshed with each packet, or never again."""
    await bind(relay, client)
    client.binds.clear()
    monkeypatch.setattr(time, "time", lambda: wall)
    relay.sendto(b"x", PEER)
    assert client.bound == [0x4000]
    relay._refresh_at[PEER] = 0.0
    for _ in range(100):
        relay.sendto(b"x", PEER)
    await settle()
    assert client.bound == [0x4000, 0x4000]
    client.binds.set()
    await settle()
    for _ in range(100):
        relay.sendto(b"x", PEER)
    assert client.bound == [0x4000, 0x4000]
    assert len(client.sent) == 201


async def test_relay_refresh_that_fails_is_tried_again(relay: inside.Relay, client: Client) -> None:
    await bind(relay, client)
    client.fails = True
    relay._refresh_at[PEER] = 0.0
    before = asyncio.get_running_loop().time()
    relay.sendto(b"x", PEER)
    await settle()
    assert isinstance(client.errors[0], aioice.stun.TransactionTimeout)
    assert relay._refresh_at[PEER] - before < turn.CHANNEL_REFRESH / 2


async def test_relay_nothing_is_sent_after_the_close(relay: inside.Relay, client: Client) -> None:
    await bind(relay, client)
    assert not relay.is_closing()
    relay.close()
    assert relay.is_closing()
    relay.sendto(b"x", PEER)
    await settle()
    assert client.sent == []
    assert client.pipe.closed


async def connect_by_relays(caller: Side, device: Side) -> None:
    """Offer and answer, and each side's candidates to the other."""
    answer = await device.peer.create_answer(await caller.peer.create_offer())
    await caller.peer.apply_answer(answer)
    for one, other in ((caller, device), (device, caller)):
        await one.event(CandidateFound, candidate=None)
        for found in one.candidates():
            await other.peer.add_candidate(found.candidate)
    await caller.event(PeerConnected)
    await device.event(PeerConnected)


@pytest.mark.media
async def test_consent_is_asked_for_through_a_relay(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And silence is noticed there as anywhere."""
    monkeypatch.setattr(ice, "SILENCE", 0.5)
    monkeypatch.setattr(ice, "LISTENING", 0.05)
    with turn_server() as server:
        options = IceOptions((IceServer((f"turn:{server.address}",), USER, PASSWORD),), "relay")
        caller, device = Side(ice=options), Side(LocalStream(ClipFeed(clip)), ice=options)
        async with closing(caller, device):
            await connect_by_relays(caller, device)
            consent = device.peer._consent
            assert consent is not None
            assert await consent._check()
            hole = Hole(caller.peer)
            await device.event(PeerSilent)
            hole.end()
            await device.event(PeerHeard)
