"""Those who pull, as callers of a device: policy, events, privacy, a broker that is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus
from agent.device.pulling import Pulling
from agent.pull.pull_session import PullRefused, SessionEnded
from agent.settings import Settings
from tests.devices import UID, Device, device, operator
from tests.fakes.network import FakeNetwork
from tests.free_ports import free_port
from tests.parties import party
from tests.pull.http_client import ask
from tests.pull.scene import OFFER, gathered
from tests.waiting import until

NVR = {"name": "nvr", "action": "accept", "callers": ["frigate"], "max_duration": "1h"}
PEOPLE = {"name": "people", "action": "ring", "callers": ["wall"]}
TOKEN = "sixteen-or-more-"


def pulling(**pull: Any) -> Pulling:
    consumers = [{"name": name, "token": f"{TOKEN}{name}"} for name in ("frigate", "wall")]
    section = {"enabled": True, "port": free_port(), "consumer": consumers, **pull}
    return Pulling(Settings.model_validate({"uid": UID, "pull": section}))


def signaled(door: Device) -> list[str]:
    return [each.topic for each in door.network.published if "/signal/" in each.topic]


async def test_events_tell_by_which_way_and_only_look(tmp_path: Path) -> None:
    network, way = FakeNetwork(), pulling()
    async with device(network, tmp_path, NVR, pulling=way) as door:
        door.peers.prepare = gathered
        session = await way.channel.invite("frigate", "whep", OFFER)
        door.peers.last.connect()
        await until(lambda: door.on("status")[-1]["conversations"] == 1)
        assert door.on("status")[-1]["busy"] is False
        way.channel.close(session)
        closed = await door.event("closed", session.conversation)
        told = door.events(session.conversation)
        assert {body["via"] for body in told} == {"whep"}
        assert {body["purpose"] for body in told} == {"view"}
        assert {body["remoteUid"] for body in told} == {"frigate"}
        assert (closed["reason"], closed["closedBy"]) == ("user_hangup", "remote")
        # nothing of it goes to the broker but its events
        assert not signaled(door)


async def test_events_of_others_have_no_such_word(tmp_path: Path) -> None:
    network = FakeNetwork()
    rule = {"name": "family", "action": "accept", "callers": ["alice"]}
    async with (
        device(network, tmp_path, rule, pulling=pulling()) as door,
        party(network, "alice") as alice,
    ):
        call = alice.client.call(UID)
        assert await call.answered() is CallStatus.ACCEPTED
        assert "via" not in await door.event("response", call.id)


@pytest.mark.parametrize(("caller", "code"), [("mallory", "not_allowed"), ("wall", "must_ring")])
async def test_policy_judges_each_by_its_name(tmp_path: Path, caller: str, code: str) -> None:
    network, way = FakeNetwork(), pulling()
    async with device(network, tmp_path, NVR, PEOPLE, pulling=way) as door:
        with pytest.raises(PullRefused, match=code):
            await way.channel.invite(caller, "whep", OFFER)
        told = await door.event("response")
        assert (told["callStatus"], told["reason"]) == ("REJECTED", code)
        assert not door.peers.made


async def test_rate_of_a_consumer_is_that_of_any_caller(tmp_path: Path) -> None:
    network, way = FakeNetwork(), pulling()
    async with device(network, tmp_path, NVR, pulling=way) as door:
        door.peers.prepare = gathered
        refused: list[str] = []
        for _ in range(40):
            try:
                way.channel.close(await way.channel.invite("frigate", "whep", OFFER))
            except PullRefused as why:
                refused.append(why.code)
        assert set(refused) == {"rate_limited"}


async def test_privacy_ends_the_picture_and_lets_nobody_in(tmp_path: Path) -> None:
    network, way = FakeNetwork(), pulling()
    async with (
        device(network, tmp_path, NVR, pulling=way) as door,
        operator(network) as op,
    ):
        door.peers.prepare = gathered
        session = await way.channel.invite("frigate", "go2rtc", OFFER)
        door.peers.last.connect()
        await door.ask(op, "privacy", on=True)
        assert await session.next() == SessionEnded("privacy_mode")
        await until(lambda: door.peers.last.closed)
        with pytest.raises(PullRefused, match="privacy_mode"):
            await way.channel.invite("frigate", "whep", OFFER)
        assert len(door.peers.made) == 1


async def test_answer_command_makes_no_call_of_a_program_that_looks(tmp_path: Path) -> None:
    network, way = FakeNetwork(), pulling()
    async with device(network, tmp_path, NVR, pulling=way) as door, operator(network) as op:
        door.peers.prepare = gathered
        await way.channel.invite("frigate", "whep", OFFER)
        door.peers.last.connect()
        ring = door.client.call("alice")
        await until(lambda: ring.state is State.INVITING)
        result = await door.ask(op, "accept")
        assert (result["code"], result["message"]) == ("invalid_state", "nothing rings")
        assert ring.state is State.INVITING


async def test_picture_comes_without_a_broker_and_events_once_it_is_back(tmp_path: Path) -> None:
    network, way = FakeNetwork(), pulling()
    async with device(network, tmp_path, NVR, pulling=way) as door:
        door.peers.prepare = gathered
        network.stop()
        session = await way.channel.invite("frigate", "whep", OFFER)
        door.peers.last.connect()
        view = door.client.conversations[session.conversation]
        await until(lambda: view.state is State.ESTABLISHED)
        way.channel.close(session)
        await view.wait_closed()
        assert not door.events(session.conversation)
        network.start()
        assert (await door.event("closed", session.conversation))["via"] == "whep"


async def test_server_serves_whom_the_settings_name(tmp_path: Path) -> None:
    port = free_port()
    network, way = FakeNetwork(), pulling(port=port)
    async with device(network, tmp_path, NVR, pulling=way) as door, way.server():
        door.peers.prepare = gathered
        kind = "Content-Type: application/sdp"
        stranger = await ask(port, "POST", "/whep", OFFER.encode(), kind)
        known = await ask(port, "POST", f"/whep?token={TOKEN}frigate", OFFER.encode(), kind)
        assert (stranger.status, known.status) == (401, 201)


def test_device_that_nobody_pulls_from_signals_as_ever() -> None:
    way = Pulling(Settings.model_validate({"uid": UID}))
    main: Any = object()
    assert way.join(main) is main
