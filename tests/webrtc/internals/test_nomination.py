"""A remote peer that moves the call to another pair of candidates."""

from __future__ import annotations

import asyncio

import aioice.ice
import pytest

from agent.core.call.events import FirstFrameSeen
from agent.ports import IceOptions, LocalStream
from tests.webrtc.feeds import ClipFeed, MemorySink
from tests.webrtc.pairs import Side, closing, connect, until

pytestmark = pytest.mark.media

_State = aioice.ice.CandidatePair.State


async def test_nomination_of_a_pair_whose_check_was_given_up_is_followed(
    clip: list[bytes],
) -> None:
    """Once connected, aioice cancels the checks under way, and leaves their pairs as they are."""
    sink = MemorySink()
    device = Side(LocalStream(ClipFeed(clip)), ice=IceOptions(host_addresses=("127.0.0.1",)))
    caller = Side(ice=IceOptions(host_addresses=("127.0.0.1", "127.0.0.2")), sink=sink)
    async with closing(device, caller):
        await connect(caller, device)
        await device.event(FirstFrameSeen)
        ours, theirs = (side.peer._pc.require_ice() for side in (device, caller))
        before = ours._nominated[1].remote_addr
        other = next(each for each in theirs._protocols if address_of(each) != before)
        pair = pair_with(ours, address_of(other))
        pair.state = _State.IN_PROGRESS
        pair.task = asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type]
        pair.task.cancel()
        await asyncio.wait([pair.task])

        moved = aioice.ice.CandidatePair(other, theirs._nominated[1].remote_candidate)
        request = theirs.build_request(moved, nominate=True)
        assert theirs.remote_password is not None
        await other.request(request, moved.remote_addr, theirs.remote_password.encode())
        await until(lambda: ours._nominated[1].remote_addr == address_of(other))
        await sink.seen(video=len(sink.video) + 5)


def address_of(protocol: aioice.ice.StunProtocol) -> tuple[str, int]:
    return protocol.local_candidate.host, protocol.local_candidate.port


def pair_with(ice: aioice.ice.Connection, address: tuple[str, int]) -> aioice.ice.CandidatePair:
    for pair in ice._check_list:
        if pair.remote_addr == address:
            return pair
    (remote,) = (each for each in ice._remote_candidates if (each.host, each.port) == address)
    ice._check_list.append(aioice.ice.CandidatePair(ice._protocols[0], remote))
    return ice._check_list[-1]
