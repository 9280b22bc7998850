"""Who only looks at a device (PROTOCOL 3): what its policy, its events and its status say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.client.conversation import Conversation
from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus, CloseReason, Purpose
from agent.errors import CallError
from agent.ports import LocalStream
from tests.devices import UID, Device, device, operator
from tests.fakes.network import FakeNetwork
from tests.fakes.peer import FakePeer
from tests.parties import FAST, Party, party
from tests.waiting import until

ACCEPT = {"name": "family", "action": "accept", "callers": ["alice", "bob"], "max_duration": "1h"}
VIEW = Purpose.VIEW


def with_sound(peer: FakePeer) -> None:
    """As a browser with a microphone describes itself."""
    peer.sections = f"\nm=audio 9 RTP\na={'sendrecv' if peer.grant.sends else 'recvonly'}"


async def looking(viewer: Party, door: Device) -> Conversation:
    viewer.peers.prepare = door.peers.prepare = with_sound
    view = viewer.client.call(UID, purpose=VIEW)
    assert await view.answered() is CallStatus.ACCEPTED
    for peers in (viewer.peers, door.peers):
        peers.last.connect()
    await until(lambda: view.state is State.ESTABLISHED)
    return view


async def test_views_are_told_in_events_and_make_nobody_busy(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, ACCEPT) as door, party(network, "alice") as alice:
        view = await looking(alice, door)
        await until(lambda: door.on("status")[-1]["conversations"] == 1)
        assert door.on("status")[-1]["busy"] is False
        await view.close()
        closed = await door.event("closed", view.id)
        assert {body["purpose"] for body in door.events(view.id)} == {"view"}
        assert (closed["reason"], closed["remoteUid"]) == ("user_hangup", "alice")


async def test_view_that_talks_is_told_with_the_rule_that_let_it(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, ACCEPT) as door, party(network, "alice") as alice:
        view = await looking(alice, door)

        def connect() -> bool:
            """The fresh transports, once they are there."""
            ready = len(alice.peers.made) == 2 and alice.peers.last.answered is not None
            if ready:
                for peers in (alice.peers, door.peers):
                    peers.last.connect()
            return ready

        alice.client._tasks.spawn(view.talk(LocalStream()))
        await until(connect)
        await until(lambda: view.purpose is Purpose.TALK)
        await until(lambda: door.on("status")[-1]["busy"] is True)
        await view.close()
        closed = await door.event("closed", view.id)
        answers = [body for body in door.events(view.id) if body["event"] == "response"]
        assert [(each["rule"], each.get("purpose")) for each in answers] == [
            ("family", "view"),
            ("family", None),
        ]
        assert "purpose" not in closed
        assert closed["talkAt"]


async def test_view_is_judged_by_the_rules_and_by_the_override(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path, ACCEPT) as door,
        party(network, "alice") as alice,
        party(network, "mallory") as mallory,
        operator(network) as operates,
    ):
        refused = await mallory.client.call(UID, purpose=VIEW).wait_closed()
        assert refused.call_status is CallStatus.REJECTED
        view = await looking(alice, door)
        await door.ask(operates, "policy", override="reject")
        with pytest.raises(CallError) as caught:
            await view.talk(LocalStream())
        assert caught.value.code == "not_allowed"
        assert view.state is State.ESTABLISHED
        assert (await door.event("error", view.id))["purpose"] == "view"
        assert len(door.peers.made) == 1


async def test_view_goes_on_when_the_call_is_hung_up_from_afar(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path, ACCEPT) as door,
        party(network, "alice") as alice,
        party(network, "bob") as bob,
        operator(network) as operates,
    ):
        view = await looking(alice, door)
        call = bob.client.call(UID)
        assert await call.answered() is CallStatus.ACCEPTED
        result = await door.ask(operates, "close")
        assert result["conversations"] == [call.id]
        assert view.state is State.ESTABLISHED
        assert (await door.ask(operates, "close"))["conversations"] == [view.id]


async def test_view_takes_no_place_where_nobody_may_only_look(tmp_path: Path) -> None:
    network = FakeNetwork()
    options = replace(FAST, max_viewers=0)
    async with (
        device(network, tmp_path, ACCEPT, options=options) as door,
        party(network, "alice") as alice,
    ):
        record = await alice.client.call(UID, purpose=VIEW).wait_closed()
        assert (record.reason, record.call_status) == (CloseReason.USER_BUSY, CallStatus.BUSY)
        assert (await door.event("response"))["reason"] == "max_viewers"
        assert await alice.client.call(UID).answered() is CallStatus.ACCEPTED
