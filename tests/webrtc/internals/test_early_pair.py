"""The controlled side uses the first pair that works; who controls chooses when it likes."""

from __future__ import annotations

import asyncio
from typing import Any

import aioice.ice
import pytest

from agent.core.call.events import FirstFrameSeen, PeerConnected
from agent.ports import IceOptions, LocalStream
from agent.webrtc.internals.early_pair import EarlyPair
from tests.webrtc.feeds import ClipFeed, MemorySink
from tests.webrtc.pairs import Side, Undecided, closing, until
from tests.webrtc.strangers import LOOPBACK

pytestmark = pytest.mark.media

_State = aioice.ice.CandidatePair.State


def address_of(protocol: aioice.ice.StunProtocol) -> tuple[str, int]:
    return protocol.local_candidate.host, protocol.local_candidate.port


async def test_early_pair_carries_the_media_before_any_is_chosen(clip: list[bytes]) -> None:
    sink = MemorySink()
    two = IceOptions(host_addresses=("127.0.0.1", "127.0.0.2"))
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=two, sink=sink)
    async with closing(device, caller):
        offer = await caller.peer.create_offer()
        undecided = Undecided(caller)
        await caller.peer.apply_answer(await device.peer.create_answer(offer))
        device.peer.start_media()
        await device.event(PeerConnected)
        await sink.seen(video=2)
        ours, theirs = device.peer._pc.require_ice(), undecided.ice
        early = ours._nominated[1]
        assert not early.nominated
        # the other one is checked all the same: that opens a way through a NAT of ours
        await until(lambda: [pair.state for pair in ours._check_list] == [_State.SUCCEEDED] * 2)
        assert ours._nominated[1] is early
        other = next(each for each in theirs._protocols if address_of(each) != early.remote_addr)
        remote = theirs._remote_candidates[0]
        await undecided.choose(aioice.ice.CandidatePair(other, remote))
        await until(lambda: ours._nominated[1].remote_addr == address_of(other))
        assert ours._check_list_done
        await sink.seen(video=len(sink.video) + 3)


async def test_early_pair_is_none_for_the_side_that_chooses(clip: list[bytes]) -> None:
    device, caller = Side(LocalStream(ClipFeed(clip)), ice=LOOPBACK), Side(ice=LOOPBACK)
    async with closing(device, caller):
        offer = await device.peer.create_offer()
        await device.peer.apply_answer(await caller.peer.create_answer(offer))
        device.peer.start_media()
        await device.event(FirstFrameSeen)
        assert device.peer._pc.require_ice()._nominated[1].nominated


class Rig:
    """A controlled connection of two pairs, without a network."""

    def __init__(self) -> None:
        self.ice = aioice.ice.Connection(ice_controlling=False)
        self.chosen = 0
        self.early = EarlyPair(self.ice, self._note)
        self.pairs = [self._pair(host) for host in ("192.0.2.1", "192.0.2.2")]
        self.ice._check_list += self.pairs

    def _note(self) -> None:
        self.chosen += 1

    @staticmethod
    def _pair(host: str) -> aioice.ice.CandidatePair:
        protocol: Any = type("Wire", (), {})()
        local = remote = aioice.Candidate("1", 1, "udp", 1, host, 4000, "host")
        protocol.local_candidate = local
        pair = aioice.ice.CandidatePair(protocol, remote)
        pair.state = _State.IN_PROGRESS
        return pair

    def succeed(self, number: int, *, nominated: bool = False) -> None:
        pair = self.pairs[number]
        pair.state, pair.nominated = _State.SUCCEEDED, nominated
        self.ice.check_complete(pair)


async def test_early_pair_leaves_the_checks_of_others_running() -> None:
    rig = Rig()
    task: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(3600))
    rig.pairs[1].task = task
    rig.succeed(0)
    assert await rig.ice._check_list_state.get() == aioice.ice.ICE_COMPLETED
    # where aioice cancels them
    assert rig.pairs[1].task is None
    await asyncio.sleep(0)
    assert rig.pairs[1].task is task
    assert not task.cancelling()
    await rig.ice.close()
    assert task.cancelled()


async def test_early_pair_of_a_connection_that_closes_leaves_no_check() -> None:
    rig = Rig()
    task: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(3600))
    rig.pairs[1].task = task
    rig.succeed(0)
    await rig.ice._check_list_state.get()
    await asyncio.gather(rig.ice.close(), return_exceptions=True)
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.parametrize("number", [0, 1])
async def test_early_pair_tells_once_that_one_was_chosen(number: int) -> None:
    rig = Rig()
    rig.succeed(0)
    rig.succeed(1)
    assert (rig.chosen, rig.ice._check_list_done) == (0, False)
    assert rig.ice._nominated[1] is rig.pairs[0]
    for _ in range(2):
        rig.succeed(number, nominated=True)
    assert (rig.chosen, rig.ice._check_list_done) == (1, True)
    assert rig.ice._nominated[1] is rig.pairs[number]
    await rig.ice.close()
