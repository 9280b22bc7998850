"""What button, command and Home Assistant all use."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agent.core.call.machine import State
from agent.core.call.reasons import CallMode, CallStatus, CloseReason, Purpose
from agent.device.actions import Actions
from agent.errors import InvalidStateError, MediaUnavailable
from agent.media.jpeg import MAX_SNAPSHOT_SIZE, Jpeg
from tests.device.test_pulling import pulling
from tests.devices import UID, Device, device
from tests.fakes.network import FakeNetwork
from tests.parties import party
from tests.pull.scene import OFFER, gathered
from tests.waiting import until


def actions(door: Device, picture: Jpeg | None = None) -> Actions:
    async def snapshot(size: int) -> Jpeg:
        assert size == MAX_SNAPSHOT_SIZE
        if picture is None:
            raise MediaUnavailable("no camera")
        return picture

    return Actions(door.client, snapshot)


async def test_call_and_hang_up(tmp_path: Path) -> None:
    async with device(FakeNetwork(), tmp_path) as door:
        do = actions(door)
        conversation = do.call(["alice"], lifetime=30, mode=CallMode.PARALLEL)
        assert list(door.client.conversations) == [conversation.id]
        assert await do.hang_up() == [conversation]
        assert conversation.state is State.CLOSED


async def test_actions_without_a_call_are_refused(tmp_path: Path) -> None:
    async with device(FakeNetwork(), tmp_path) as door:
        do = actions(door)
        with pytest.raises(InvalidStateError, match="nothing rings"):
            await do.accept()
        with pytest.raises(InvalidStateError, match="nothing rings"):
            await do.reject()
        with pytest.raises(InvalidStateError, match="no conversation"):
            await do.hang_up()
        with pytest.raises(InvalidStateError, match="no conversation"):
            do.mute(video=True)


async def look(network: FakeNetwork, uid: str, door: Device, stack: AsyncExitStack) -> str:
    """Somebody looks at the door, and sees it; by which conversation."""
    viewer = await stack.enter_async_context(party(network, uid))
    view = viewer.client.call(UID, purpose=Purpose.VIEW)
    assert await view.answered() is CallStatus.ACCEPTED
    for peers in (viewer.peers, door.peers):
        peers.last.connect()
    await until(lambda: door.client.conversations[view.id].state is State.ESTABLISHED)
    return view.id


@pytest.mark.parametrize(
    ("viewers", "target", "taker"),
    # whom it rings goes first, then who came last; and nobody who may not talk
    [("bob alice", "bob", "bob"), ("bob alice", "carol", "alice"), ("alice eve", "carol", "alice")],
)
async def test_accept_while_it_rings_out_has_one_who_looks_talk(
    tmp_path: Path, viewers: str, target: str, taker: str
) -> None:
    network = FakeNetwork()
    family = {"name": "family", "callers": ["bob", "alice"], "action": "accept"}
    once = {"name": "once", "callers": ["eve"], "action": "accept", "rate": "1/h"}
    async with device(network, tmp_path, family, once) as door, AsyncExitStack() as stack:
        do = actions(door)
        ids = {uid: await look(network, uid, door, stack) for uid in viewers.split()}
        with pytest.raises(InvalidStateError, match="nothing rings"):
            await do.accept()
        ring = do.call([target], lifetime=30, mode=CallMode.PARALLEL)
        await until(lambda: ring.state is State.INVITING)
        taken = await do.accept()
        assert taken.id == ids[taker]
        record = await ring.wait_closed()
        assert (record.reason, record.answered_by) == (
            CloseReason.ANSWERED_ELSEWHERE,
            ids[taker],
        )
        assert taken.purpose is Purpose.TALK
        assert door.client.busy


async def test_snapshot_is_the_cameras(tmp_path: Path) -> None:
    picture = Jpeg(b"jpeg", 640, 360)
    async with device(FakeNetwork(), tmp_path) as door:
        assert await actions(door, picture).snapshot() is picture
        with pytest.raises(MediaUnavailable):
            await actions(door).snapshot()


async def test_accept_while_it_rings_out_takes_no_recorder_for_a_person(tmp_path: Path) -> None:
    nvr = {"name": "nvr", "callers": ["frigate"], "action": "accept"}
    way = pulling()
    async with device(FakeNetwork(), tmp_path, nvr, pulling=way) as door:
        door.peers.prepare = gathered
        session = await way.channel.invite("frigate", "go2rtc", OFFER)
        door.peers.last.connect()
        view = door.client.conversations[session.conversation]
        await until(lambda: view.state is State.ESTABLISHED)
        ring = door.client.call("alice")
        await until(lambda: ring.state is State.INVITING)
        with pytest.raises(InvalidStateError, match="nothing rings"):
            await actions(door).accept()
        assert view.purpose is Purpose.VIEW
