"""The books of a device's calls: written before anything is said, and no reason to keep a caller
waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus
from agent.errors import MediaUnavailable
from agent.signaling.outbox.outbox import STALLED
from agent.signaling.outbox.outbox_options import OutboxOptions
from agent.signaling.protocol import messages as wire
from agent.signaling.protocol.topics import Topics
from tests.devices import UID, Device, device, operator
from tests.fakes.network import FakeNetwork
from tests.parties import NOW, PREFIX, party, said
from tests.signaling.outbox.outboxes import crash, written
from tests.waiting import PATIENCE, until

ACCEPT = {"name": "everybody", "action": "accept"}
HASTY = OutboxOptions(begin_patience=0.01, patience=0.01)


def invite() -> wire.Invite:
    return wire.Invite(
        conversation=wire.NO_CONVERSATION,
        party="p",
        sdp="v=0",
        sent_at=wire.format_time(NOW),
        lifetime=30,
    )


@contextmanager
def held(door: Device, step: str) -> Iterator[threading.Event]:
    """Inside, the disk does not get past `step` of its store. Yields what tells that it has come to
    it.
    """
    store = door.outbox._store
    reached, over, usual = threading.Event(), threading.Event(), getattr(store, step)

    def stall(*arguments: Any, **options: Any) -> Any:
        reached.set()
        over.wait(PATIENCE)
        return usual(*arguments, **options)

    setattr(store, step, stall)
    try:
        yield reached
    finally:
        over.set()
        setattr(store, step, usual)


async def test_nothing_is_said_of_a_call_before_its_begin_is_written(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path, ACCEPT) as door,
        operator(network) as alice,
    ):
        await written(door.outbox)
        with held(door, "apply") as reached:
            alice.publish(Topics(PREFIX).signal(UID, "alice"), wire.encode(invite()))
            await until(reached.is_set)
            await until(lambda: bool(door.client.conversations))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not door.events()
            assert not said(network, UID, "alice")
            assert network._sessions[UID].unacked, "the broker keeps the invitation"
        await door.event("response")
        await until(lambda: not network._sessions[UID].unacked)
    assert [body["event"] for body in door.events()] == ["called", "response", "closed"]


async def test_an_answer_does_not_wait_for_the_disk_to_be_synced(tmp_path: Path) -> None:
    """The process may be killed at any time; a power cut in these milliseconds is another
    matter.
    """
    network = FakeNetwork()
    async with (
        device(network, tmp_path, ACCEPT) as door,
        party(network, "alice") as alice,
    ):
        await written(door.outbox)
        with held(door, "sync"):
            assert await alice.client.call(UID).answered() is CallStatus.ACCEPTED
        await door.event("response")


async def test_an_outgoing_call_is_written_before_anybody_is_invited(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path) as door,
        party(network, "alice") as alice,
    ):
        await written(door.outbox)
        with held(door, "apply") as reached:
            outgoing = door.client.call("alice")
            await until(reached.is_set)
            # which takes as long as the disk
            await until(lambda: bool(door.peers.made) and door.peers.last.described)
            for _ in range(20):
                await asyncio.sleep(0)
            assert not said(network, UID, "alice")
        await alice.called.get()
        await outgoing.close()


async def test_a_disk_that_does_not_answer_costs_no_call_and_is_told(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path, ACCEPT, outbox_options=HASTY) as door,
        party(network, "alice") as alice,
    ):
        await written(door.outbox)
        with held(door, "apply"):
            outgoing = alice.client.call(UID)
            assert await outgoing.answered() is CallStatus.ACCEPTED
            error = await door.event("error")
            assert door.outbox.health.trouble == STALLED
            await outgoing.close()
            await door.event("closed")
        await until(lambda: door.outbox.health.trouble is None)
    assert (error["code"], error["conversation"]) == ("record_not_kept", outgoing.id)
    assert STALLED in error["message"]
    assert [body["event"] for body in door.events()] == ["called", "error", "response", "closed"]


async def test_a_disk_that_fails_is_told_once_in_each_call(tmp_path: Path) -> None:
    network = FakeNetwork()
    (tmp_path / "file").write_bytes(b"")
    async with (
        device(network, tmp_path / "file", ACCEPT) as door,
        party(network, "alice") as alice,
    ):
        for number in (1, 2):
            outgoing = alice.client.call(UID)
            assert await outgoing.answered() is CallStatus.ACCEPTED
            await outgoing.close()
            await until(lambda: [body["event"] for body in door.events()].count("closed") == number)  # noqa: B023
    names = [body["event"] for body in door.events()]
    assert names == ["called", "error", "response", "closed"] * 2
    assert {body["code"] for body in door.events() if body["event"] == "error"} == {
        "record_not_kept"
    }


async def test_an_invitation_that_comes_again_after_a_crash_begins_no_second_call(
    tmp_path: Path,
) -> None:
    network = FakeNetwork()
    message = invite()
    async with party(network, "alice") as alice:
        async with device(network, tmp_path, ACCEPT) as door:
            alice.signaling.publish(UID, message)
            await door.event("response")
            await written(door.outbox)
            await crash(door.outbox)
        async with device(network, tmp_path, ACCEPT) as door:
            alice.signaling.publish(UID, message)
            await until(lambda: said(network, UID, "alice")[-1]["type"] == "close")
            await door.event("closed")
    assert said(network, UID, "alice")[-1]["reason"] == "crash_recovered"
    assert [body["event"] for body in door.events()].count("closed") == 1
    assert [body["event"] for body in door.events()].count("called") == 1


async def test_a_sound_card_that_is_lost_is_told_once_in_a_call(tmp_path: Path) -> None:
    network = FakeNetwork()
    lost = MediaUnavailable("it is not plugged in")
    async with (
        device(network, tmp_path, ACCEPT) as door,
        party(network, "alice") as alice,
    ):
        outgoing = alice.client.call(UID)
        assert await outgoing.answered() is CallStatus.ACCEPTED
        door.peers.last.connect()
        await until(lambda: door.client.conversations[outgoing.id].state is State.ESTABLISHED)
        for fault in (lost, lost, None, lost):
            door.state.sound_failed("microphone", fault)
        door.state.sound_failed("speaker", lost)
        await outgoing.close()
        await door.event("closed")
        door.state.sound_failed("speaker", None)
        door.state.sound_failed("speaker", lost)
    codes = [body["code"] for body in door.events() if body["event"] == "error"]
    assert codes == ["microphone_lost", "microphone_lost", "speaker_lost"]


async def test_a_camera_that_is_lost_is_told_once_and_one_that_was_missing_before_is_not(
    tmp_path: Path,
) -> None:
    network = FakeNetwork()
    lost = MediaUnavailable("it is not plugged in")
    async with (
        device(network, tmp_path, ACCEPT) as door,
        party(network, "alice") as alice,
    ):
        door.state.camera_failed(lost)
        outgoing = alice.client.call(UID)
        assert await outgoing.answered() is CallStatus.ACCEPTED
        door.peers.last.connect()
        await until(lambda: door.client.conversations[outgoing.id].state is State.ESTABLISHED)
        door.state.changed()
        assert not [body for body in door.events() if body["event"] == "error"]
        for fault in (None, lost, lost, None):
            door.state.camera_failed(fault)
        await outgoing.close()
        await door.event("closed")
        door.state.camera_failed(lost)
    codes = [body["code"] for body in door.events() if body["event"] == "error"]
    assert codes == ["camera_lost"]
