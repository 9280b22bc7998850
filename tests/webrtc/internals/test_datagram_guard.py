"""What anybody may send to the media port: the call goes on, nothing is queued, nothing is logged."""

from __future__ import annotations

import asyncio
import inspect
import logging
import socket
from types import SimpleNamespace

import aioice.ice
import pytest

from agent.core.call.events import PeerConnected, PeerLost
from agent.ports import LocalStream
from agent.webrtc import internals
from agent.webrtc.internals import REFUSED, Refusal, datagram_guard
from agent.webrtc.internals.datagram_guard import (
    MAX_ERROR_RESPONSES,
    MAX_WAITING,
    GuardedProtocol,
    guard_of,
)
from tests.webrtc.feeds import ClipFeed, MemorySink
from tests.webrtc.pairs import Side, closing, connect
from tests.webrtc.strangers import (
    HOSTILE,
    LOOPBACK,
    check_of,
    port_of,
    received_by,
    send_refused,
    sockets_of,
    stranger,
)

pytestmark = pytest.mark.media

REMOTE = ("192.0.2.7", 4000)


@pytest.mark.parametrize("kind", HOSTILE)
async def test_datagram_guard_in_a_call_lets_it_go_on(
    kind: str, clip: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    sink = MemorySink()
    device = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK)
    caller = Side(ice=LOOPBACK, sink=sink)
    async with closing(device, caller):
        await connect(caller, device)
        await sink.seen(video=1)
        caplog.clear()
        with caplog.at_level(logging.INFO), stranger() as sender:
            await send_refused(sender, device, HOSTILE[kind], 30)
            await sink.seen(video=len(sink.video) + 10)
        assert not caplog.records
        assert device.peer._pc.connectionState == "connected"
        assert not device.of(PeerLost)


def is_client_hello(data: bytes) -> bool:
    """A record of a handshake whose first message has number 1 (RFC 6347 4.2.2)."""
    return (data[0], data[13]) == (22, 1)


@pytest.mark.parametrize("kind", HOSTILE)
async def test_datagram_guard_in_set_up_lets_it_connect(kind: str, clip: list[bytes]) -> None:
    """Between the answer and the connection nobody reads: nothing may wait for it either, but for
    the other side's hello (RFC 5763 5).
    """
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        answer = await device.peer.create_answer(await caller.peer.create_offer())
        with stranger() as sender:
            await send_refused(sender, device, HOSTILE[kind], 30)
            await send_refused(sender, caller, HOSTILE[kind], 30)
        assert device.peer._pc.require_ice()._queue.empty()
        waiting = caller.peer._pc.require_ice()._queue
        while not waiting.empty():
            data, _ = waiting.get_nowait() or (b"", 0)
            assert data != HOSTILE[kind]
            assert is_client_hello(data)
        await caller.peer.apply_answer(answer)
        await device.event(PeerConnected)
        await caller.event(PeerConnected)


async def test_datagram_guard_under_a_flood_queues_nothing(clip: list[bytes]) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        await device.peer.create_answer(await caller.peer.create_offer())
        with stranger() as sender:
            await send_refused(sender, device, b"\x16" * 1400, 5000)
        assert device.peer._pc.require_ice()._queue.empty()


async def test_datagram_guard_from_a_candidate_queues_up_to_its_bound() -> None:
    """An address can be forged: what waits for DTLS has a bound, too."""
    ice = aioice.ice.Connection(ice_controlling=False)
    candidate = aioice.Candidate("1", 1, "udp", 1, REMOTE[0], REMOTE[1], "host")
    await ice.add_remote_candidate(candidate)
    protocol = GuardedProtocol(ice)
    before = REFUSED.of(Refusal.OVERFLOW)
    for _ in range(MAX_WAITING + 5):
        protocol.datagram_received(b"\x16" * 1400, REMOTE)
    assert ice._queue.qsize() == MAX_WAITING
    assert REFUSED.of(Refusal.OVERFLOW) == before + 5
    await ice.close()


async def test_datagram_guard_after_an_early_check_lets_its_sender_in() -> None:
    """Who was authenticated before the answer arrived may begin with DTLS (RFC 8445 7.3)."""
    caller, device = Side(ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(caller, device):
        await device.peer.create_answer(await caller.peer.create_offer())
        ice = caller.peer._pc.require_ice()
        assert guard_of(ice).refusal(b"\x16" * 100, port_of(device)) is Refusal.FOREIGN
        ice._early_checks.append((None, port_of(device), sockets_of(caller)[0]))  # type: ignore[arg-type]
        assert guard_of(ice).refusal(b"\x16" * 100, port_of(device)) is None
        ice._early_checks.clear()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Refusal.EMPTY),
        (b"\x80" * 1501, Refusal.OVERSIZED),
        (b"\x40\x00\x00\x04", Refusal.UNKNOWN),
        (b"\xff", Refusal.UNKNOWN),
        (b"\x80\x60", Refusal.FOREIGN),
        (b"\x00", None),
    ],
)
async def test_datagram_guard_of_each_kind_names_it(data: bytes, kind: Refusal | None) -> None:
    ice = aioice.ice.Connection(ice_controlling=False)
    assert guard_of(ice).refusal(data, REMOTE) is kind
    assert guard_of(ice) is guard_of(ice)
    await ice.close()


async def test_datagram_guard_without_credentials_answers_so_many_and_no_more(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        await connect(caller, device)
        # all of it in one instant
        monkeypatch.setattr(datagram_guard, "time", SimpleNamespace(monotonic=lambda: 1000.0))
        with stranger() as sender:
            await send_refused(sender, device, HOSTILE["unauthenticated-stun"], 200)
            answered = received_by(sender)
    assert answered == MAX_ERROR_RESPONSES


async def test_datagram_guard_takes_an_authenticated_check_without_a_priority(
    clip: list[bytes],
) -> None:
    """aioice looks for the attribute, and its KeyError would be logged with a traceback."""
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        await connect(caller, device)
        message = aioice.stun.parse_message(check_of(device))
        del message.attributes["PRIORITY"]
        message.add_message_integrity(device.peer._pc.require_ice().local_password.encode())
        with stranger() as sender:
            await send_refused(sender, device, bytes(message))
        assert device.peer._pc.connectionState == "connected"


async def test_open_socket_of_a_closed_connection_leaves_none_open() -> None:
    ice = aioice.ice.Connection(ice_controlling=False)
    await ice.close()
    internals.use_host_addresses(ice, lambda: ["127.0.0.1"])
    assert await ice.get_component_candidates(1, []) == []
    assert ice._protocols == []


async def test_open_socket_takes_a_free_port_of_the_range(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        low, high = (port - 1, port) if port > 60_000 else (port, port + 1)
        ice = aioice.ice.Connection(ice_controlling=False)
        internals.use_host_addresses(ice, lambda: ["127.0.0.1"] * 2, (low, high))
        (found,) = await ice.get_component_candidates(1, [])
        assert {found.port, port} == {low, high}
        await ice.close()
    assert f"no port from {low} to {high} is free" in caplog.text


async def test_guarded_protocol_on_a_closed_socket_sends_nothing(clip: list[bytes]) -> None:
    """A retransmission may come due when its socket has gone: no traceback in the log."""
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        await connect(caller, device)
        protocol = sockets_of(device)[0]
        protocol.transport.abort()
        # now the socket is gone
        await asyncio.sleep(0)
        message = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
        protocol.send_stun(message, REMOTE)
        with pytest.raises(ConnectionError):
            await protocol.send_data(b"x", REMOTE)


async def test_datagram_guard_finds_the_names_of_aioice() -> None:
    ice = aioice.ice.Connection(ice_controlling=False)
    assert ice._queue.empty()
    assert ice._early_checks.maxlen == 100
    assert (ice._early_checks_done, ice._closing) == (False, False)
    asked = ["request", "addr", "protocol", "error_code"]
    assert list(inspect.signature(ice.respond_error).parameters) == asked
    protocol = aioice.ice.StunProtocol(ice)
    assert protocol.transactions == {}
    received = inspect.getsource(aioice.ice.StunProtocol.datagram_received)
    assert "self.receiver.request_received(message, addr, self)" in received
    assert "transaction.response_received(message, addr)" in received
    assert "self.receiver.data_received(data, self.local_candidate.component)" in received
    await ice.add_remote_candidate(aioice.Candidate("1", 1, "udp", 1, *REMOTE, "host"))
    assert ice._remote_candidates[0]._network_host == REMOTE[0]
