"""Candidates: before and after the description, from servers that answer and from servers that do
not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import cast
from unittest.mock import AsyncMock

import aioice.ice
import aioice.mdns
import aioice.stun
import pytest

from agent.core.call.events import (
    CandidateFound,
    IceCandidate,
    IceServer,
    PeerConnected,
    PeerFailed,
)
from agent.errors import PeerError
from agent.ports import IceOptions, LocalStream
from agent.webrtc import internals as inside
from agent.webrtc.description.remote_description import END_OF_CANDIDATES, MAX_CANDIDATES
from agent.webrtc.ice import gather, interfaces, trickle
from tests.turnserver import PASSWORD, USER, TurnServer, turn_server
from tests.waiting import PATIENCE
from tests.webrtc.feeds import ClipFeed
from tests.webrtc.offers import BROWSER_OFFER, CANDIDATE, candidate_line
from tests.webrtc.pairs import Side, closing, connect
from tests.webrtc.strangers import LOOPBACK

pytestmark = pytest.mark.media

LOCAL_NAME = (
    "a=candidate:1 1 udp 2130706431 0b6f0d0f-9c3d-4c8e-8d2f-a1b2c3d4e5f6.local 50000 typ host"
)


def split_candidates(sdp: str) -> tuple[str, list[IceCandidate]]:
    """The description without its candidates, and those of its first section."""
    lines = sdp.splitlines()
    bare = [line for line in lines if not line.startswith(("a=candidate:", END_OF_CANDIDATES))]
    found = dict.fromkeys(
        line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")
    )
    return "\r\n".join(bare) + "\r\n", [IceCandidate(text, "0", 0) for text in found]


class SilentServer(asyncio.DatagramProtocol):
    """A UDP socket that never answers; `asked` is set by the first datagram."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked.set()


class StunServer(asyncio.DatagramProtocol):
    """Answers every binding request with one mapped address."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = aioice.stun.parse_message(data)
        response = aioice.stun.Message(
            aioice.stun.Method.BINDING,
            aioice.stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
        )
        response.attributes["XOR-MAPPED-ADDRESS"] = ("198.51.100.77", 40_000)
        self.transport.sendto(bytes(response), addr)


@pytest.fixture
async def silent() -> AsyncIterator[SilentServer]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        SilentServer, ("0.0.0.0", 0)
    )
    yield server
    transport.close()


@pytest.fixture
async def stun() -> AsyncIterator[StunServer]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        StunServer, ("0.0.0.0", 0)
    )
    yield server
    transport.close()


def here() -> str:
    """An address of this machine that host candidates use."""
    addresses = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)
    return addresses[0] if addresses else "127.0.0.1"


@pytest.mark.parametrize("order", ["before", "after", "with"])
async def test_trickle_candidates_may_come_at_any_time(order: str, clip: list[bytes]) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, caller):
        offer = await caller.peer.create_offer()
        bare, candidates = split_candidates(offer)
        assert candidates
        if order == "before":
            for candidate in [*candidates, None]:
                await device.peer.add_candidate(candidate)
        answer, device_candidates = split_candidates(
            await device.peer.create_answer(offer if order == "with" else bare)
        )
        await caller.peer.apply_answer(answer)
        for candidate in [*device_candidates, None]:
            await caller.peer.add_candidate(candidate)
        if order == "after":
            for candidate in [*candidates, None]:
                await device.peer.add_candidate(candidate)
        await device.event(PeerConnected)
        await caller.event(PeerConnected)


async def test_trickle_local_names_are_looked_up_and_hold_nothing(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    async def never(*_: object) -> bool:
        asked.set()
        await answers.wait()
        return False

    monkeypatch.setattr(trickle, "look_up", never)
    device, caller = Side(LocalStream(ClipFeed(clip))), Side()
    async with closing(device, caller):
        bare, _ = split_candidates(await caller.peer.create_offer())
        hidden = bare.replace("a=mid:0", f"a=mid:0\r\n{LOCAL_NAME}\r\n{END_OF_CANDIDATES}")
        await device.peer.add_candidate(IceCandidate(LOCAL_NAME.removeprefix("a="), "0", 0))
        answer = await device.peer.create_answer(hidden)
        await device.peer.add_candidate(IceCandidate(LOCAL_NAME, "0", 0))
        await device.peer.add_candidate(None)
        await asked.wait()
        assert device.peer._trickle.hidden.count == 1
        await caller.peer.apply_answer(answer)
        # found as peer-reflexive, although the offer had nothing to check
        await device.event(PeerConnected)
        transport = device.peer.counters().transport
        assert transport.remote_candidate_type == "prflx"


async def test_trickle_local_name_leads_to_a_remote_peer_that_cannot_begin(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall here lets in only what answers: we have to send first, to an address that is
    told by its name alone.
    """

    class Names:
        async def resolve(self, _name: str) -> str:
            return "127.0.0.1"

        def datagram_received(self, *_: object) -> None:
            """Nobody says more."""

        async def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(aioice.mdns, "create_mdns_protocol", AsyncMock(side_effect=Names))
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        offer = re.sub(
            r"(a=candidate:.* udp \d+) \S+ ", r"\1 hidden.local ", await caller.peer.create_offer()
        )
        answer = await device.peer.create_answer(offer)
        # it knows no address of ours, and only answers
        bare, _ = split_candidates(answer)
        await caller.peer.apply_answer(bare)
        await device.event(PeerConnected)
        assert device.peer.counters().transport.remote_candidate_type == "host"


async def test_trickle_too_many_and_broken_trickled_candidates_are_ignored(
    clip: list[bytes],
) -> None:
    device = Side(LocalStream(ClipFeed(clip)))
    async with closing(device):
        await device.peer.create_answer(BROWSER_OFFER.replace(CANDIDATE, candidate_line(1)))
        ice = device.peer._pc.require_ice()
        for text in (
            "",
            "x",
            "candidate:1 1 udp 1 1.2.3.4 99999 typ host",
            "candidate:" + "9" * 5000,
        ):
            await device.peer.add_candidate(IceCandidate(text, "0", 0))
        # not the shared transport
        await device.peer.add_candidate(IceCandidate(candidate_line(9), "1", 1))
        assert len(ice.remote_candidates) == 1
        for number in range(2, 100):
            await device.peer.add_candidate(IceCandidate(candidate_line(number), "0", 0))
        assert len(ice.remote_candidates) < MAX_CANDIDATES + 40
        assert not device.of(PeerFailed)


async def test_trickle_dead_stun_server_does_not_hold_the_answer(
    clip: list[bytes], silent: SilentServer
) -> None:
    servers = (IceServer((f"stun:{here()}:{silent.port}",)),)
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=IceOptions(servers)), Side()
    async with closing(device, caller):
        answer = await device.peer.create_answer(await caller.peer.create_offer())
        assert not silent.asked.is_set()
        assert "a=candidate:" in answer
        assert "a=ice-options:trickle" in answer
        assert END_OF_CANDIDATES not in answer
        await silent.asked.wait()
        # the request is still pending
        assert not device.candidates()
        await caller.peer.apply_answer(answer)
        await device.event(PeerConnected)
        assert not device.candidates()


async def test_trickle_end_of_candidates_follows_a_server_that_timed_out(
    clip: list[bytes], silent: SilentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "SERVER_TIMEOUT", 0.05)
    device = Side(
        LocalStream(ClipFeed(clip)), ice=IceOptions((IceServer((f"stun:{here()}:{silent.port}",)),))
    )
    async with closing(device):
        await device.peer.create_answer(BROWSER_OFFER)
        assert (await device.event(CandidateFound)).candidate is None


async def test_trickle_candidates_of_several_servers_are_trickled(
    clip: list[bytes], stun: StunServer
) -> None:
    url = f"stun:{here()}:{stun.port}"
    side = Side(
        LocalStream(ClipFeed(clip)),
        ice=IceOptions((IceServer((url, url)), IceServer(("bad:x", url)))),
    )
    async with closing(side):
        await side.peer.create_offer()
        await side.event(CandidateFound, candidate=None)
        found = [event.candidate for event in side.candidates()]
    assert found[-1] is None
    # the same address from every server
    assert len(found) == 2
    assert found[0] is not None
    assert found[0].candidate.startswith("candidate:")
    assert " 198.51.100.77 40000 typ srflx raddr " in found[0].candidate
    assert (found[0].sdp_mid, found[0].sdp_mline_index) == ("0", 0)


async def test_trickle_relay_without_a_server_says_so(clip: list[bytes]) -> None:
    side = Side(LocalStream(ClipFeed(clip)), ice=IceOptions(transport_policy="relay"))
    async with closing(side):
        with pytest.raises(PeerError, match="no address to connect from"):
            await side.peer.create_answer(BROWSER_OFFER)


async def test_trickle_relay_with_a_dead_server_fails(
    clip: list[bytes], silent: SilentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "SERVER_TIMEOUT", 0.05)
    servers = (IceServer((f"turn:{here()}:{silent.port}",), "u", "p"),)
    side = Side(LocalStream(ClipFeed(clip)), ice=IceOptions(servers, "relay"))
    async with closing(side):
        answer = await side.peer.create_answer(BROWSER_OFFER)
        assert "a=candidate" not in answer
        failed = await side.event(PeerFailed)
        assert failed.code == "no_candidates"
        assert f"turn:{here()}:{silent.port} does not answer" in failed.message


async def test_trickle_only_chosen_addresses_are_used(clip: list[bytes]) -> None:
    ice = IceOptions(host_addresses=("127.0.0.1",))
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=ice), Side(ice=ice)
    async with closing(device, caller):
        await connect(caller, device)
        pair = inside.selected_pair(device.peer._pc.require_ice())
        assert pair is not None
        assert pair.local.host == "127.0.0.1"


async def test_trickle_loopback_serves_where_there_is_nothing_else(
    clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interfaces, "host_addresses", interfaces.HostAddresses(list))
    side = Side(LocalStream(ClipFeed(clip)))
    async with closing(side):
        assert " 127.0.0.1 " in await side.peer.create_offer()


# --- a real TURN server


@pytest.fixture
def turn() -> Iterator[TurnServer]:
    with turn_server() as server:
        yield server


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_trickle_call_through_relays_alone(
    transport: str, turn: TurnServer, clip: list[bytes]
) -> None:
    servers = (IceServer((f"turn:{turn.address}?transport={transport}",), USER, PASSWORD),)
    ice = IceOptions(servers, "relay")
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=ice), Side(ice=ice)
    async with closing(device, caller):
        offer = await caller.peer.create_offer()
        assert "a=candidate" not in offer
        answer = await device.peer.create_answer(offer)
        await caller.peer.apply_answer(answer)
        for one, other in ((device, caller), (caller, device)):
            await one.event(CandidateFound, candidate=None)
            for event in one.candidates():
                assert event.candidate is None or " typ relay" in event.candidate.candidate
                await other.peer.add_candidate(event.candidate)
        await device.event(PeerConnected)
        await caller.event(PeerConnected)
        assert device.peer.counters().transport.local_candidate_type == "relay"


async def test_trickle_relay_that_died_does_not_hold_the_close(
    turn: TurnServer, clip: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.webrtc.peer.CLOSE_TIMEOUT", 0.1)
    servers = (IceServer((f"turn:{turn.address}",), USER, PASSWORD),)
    side = Side(LocalStream(ClipFeed(clip)), ice=IceOptions(servers, "relay"))
    before = asyncio.all_tasks()
    await side.peer.create_answer(BROWSER_OFFER)
    await side.event(CandidateFound, candidate=None)
    assert len(side.candidates()) == 2
    turn.kill()
    async with asyncio.timeout(PATIENCE):
        await side.peer.close()
    assert asyncio.all_tasks() == before
