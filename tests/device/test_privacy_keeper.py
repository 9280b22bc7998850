"""Privacy: calls end, nobody gets in, and nothing is open."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from agent.core.call.reasons import CallStatus, CloseReason
from agent.device.privacy_keeper import FILE_NAME
from agent.errors import MediaUnavailable
from agent.media.video_hub import VideoHub
from tests.device.door_scene import DOOR
from tests.devices import UID, device, operator
from tests.fakes.network import FakeNetwork
from tests.fakes.video import FakeVideoSource
from tests.media.hubs import OPTIONS
from tests.parties import party
from tests.waiting import until

ACCEPT = {"name": "all", "action": "accept", "open": True}
RING = {"name": "asked", "callers": ["ringer"], "action": "ring"}


async def test_privacy_ends_calls_and_refuses_new_ones(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path, RING, ACCEPT, outputs=(DOOR,)) as door,
        operator(network) as op,
        party(network, "alice") as alice,
        party(network, "ringer") as ringer,
    ):
        ringing = ringer.client.call(UID)
        await ringer.seen("ringing")
        call = alice.client.call(UID)
        assert await call.answered() is CallStatus.ACCEPTED
        done = await door.ask(op, "privacy", on=True)
        assert (done["ok"], done["privacy"]) == (True, True)
        assert (await call.wait_closed()).reason is CloseReason.PRIVACY_MODE
        assert (await ringing.wait_closed()).call_status in (CallStatus.REJECTED, CallStatus.BUSY)
        refused = alice.client.call(UID)
        assert await refused.answered() is CallStatus.REJECTED
        response = await door.event("response", refused.id)
        assert (response["callStatus"], response["reason"]) == ("REJECTED", "privacy_mode")
        for verb, fields in (("snapshot", {}), ("call", {"to": ["alice"]})):
            result = await door.ask(op, verb, **fields)
            assert (result["ok"], result["code"]) == (False, "privacy_mode")
        assert door.on("settings")[-1]["privacy"] is True
        assert door.on("status")[-1]["privacy"] is True
        await door.ask(op, "privacy", on=False)
        assert door.on("settings")[-1]["privacy"] is False
        assert door.on("status")[-1]["privacy"] is False
        again = alice.client.call(UID)
        assert await again.answered() is CallStatus.ACCEPTED


async def test_privacy_refuses_what_rings_with_its_own_reason(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path, RING) as door,
        operator(network) as op,
        party(network, "ringer") as ringer,
    ):
        ringing = ringer.client.call(UID)
        await ringer.seen("ringing")
        await door.ask(op, "privacy", on=True)
        response = await door.event("response", ringing.id)
        assert (response["callStatus"], response["reason"]) == ("REJECTED", "privacy_mode")


async def test_privacy_lets_no_override_in(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path) as door,
        operator(network) as op,
        party(network, "alice") as alice,
    ):
        await door.ask(op, "policy", override="accept")
        await door.ask(op, "privacy", on=True)
        assert await alice.client.call(UID).answered() is CallStatus.REJECTED


async def test_privacy_closes_the_camera_at_once_and_opens_it_for_nobody(tmp_path: Path) -> None:
    source = FakeVideoSource()
    lights: list[bool] = []
    hub = VideoHub(source, OPTIONS, linger=3600, on_device=lights.append)
    network = FakeNetwork()
    async with device(network, tmp_path, ACCEPT, sources=(hub,)) as door:
        subscription = await hub.subscribe()
        subscription.close()
        # it would stay open for an hour
        assert source.running
        await door.door.privacy.set(True)
        assert not source.running
        assert lights == [True, False]
        with pytest.raises(MediaUnavailable, match="privacy"):
            await hub.subscribe()
        with pytest.raises(MediaUnavailable, match="privacy"):
            await hub.snapshot(10_000)
        assert source.calls.count("start") == 1
        await door.door.privacy.toggle()
        (await hub.subscribe()).close()
        assert source.running
    await hub.close()


async def test_privacy_waits_for_a_camera_that_is_being_opened(tmp_path: Path) -> None:
    source = FakeVideoSource()
    source.gate = asyncio.Event()
    hub = VideoHub(source, OPTIONS)
    async with device(FakeNetwork(), tmp_path, ACCEPT, sources=(hub,)) as door:
        joining = asyncio.create_task(hub.subscribe())
        await source.starting.wait()
        closing = asyncio.create_task(door.door.privacy.set(True))
        await until(lambda: door.door.privacy.on)
        source.gate.set()
        await closing
        with pytest.raises(MediaUnavailable, match="privacy"):
            await joining
        assert not source.running
    await hub.close()


async def test_privacy_stands_over_a_restart(tmp_path: Path) -> None:
    for on in (True, False):
        async with device(FakeNetwork(), tmp_path) as door:
            assert door.door.privacy.on is not on
            await door.door.privacy.set(on)
            await door.door.privacy.set(on)
            assert (tmp_path / FILE_NAME).exists() is on
        async with device(FakeNetwork(), tmp_path) as door:
            assert door.door.privacy.on is on
            assert door.state.privacy is on


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"on": "no"})])
async def test_privacy_of_a_broken_file_is_on(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    async with device(FakeNetwork(), tmp_path) as door:
        assert door.door.privacy.on


async def test_privacy_that_the_disk_does_not_take_is_on_and_a_fault(tmp_path: Path) -> None:
    async with device(FakeNetwork(), tmp_path) as door:
        (tmp_path / FILE_NAME).mkdir()
        await door.door.privacy.set(True)
        assert door.door.privacy.on
        assert "is not kept over a restart" in door.state.faults["privacy"]
