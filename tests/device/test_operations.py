"""Every verb of PROTOCOL 6, done and refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.core.call.machine import State
from agent.core.call.reasons import CallStatus
from agent.device.command_reader import MAX_UNDER_WAY
from agent.errors import ConfigurationError
from agent.media.jpeg import Jpeg
from agent.media.sound.level import Level
from agent.signaling.protocol.messages import format_time
from tests.devices import UID, Device, device, operator
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, NOW, PREFIX, Party, called, party
from tests.waiting import PATIENCE, until

RING = {"name": "ask", "action": "ring", "video": False}
# nothing else is set from afar
QUIET = {"override": None, "silencedUntil": None, "privacy": False}
ACCEPT = {"name": "everybody", "action": "accept"}


@asynccontextmanager
async def asked(
    folder: Path, *rules: dict[str, Any]
) -> AsyncIterator[tuple[Device, FakeBroker, Party]]:
    """A device, its operator, and alice."""
    network = FakeNetwork()
    async with (
        device(network, folder, *rules) as door,
        operator(network) as op,
        party(network, "alice") as alice,
    ):
        yield door, op, alice


async def test_accept_gives_what_the_rule_allows(tmp_path: Path) -> None:
    async with asked(tmp_path, RING) as (door, op, alice):
        refused = await door.ask(op, "accept")
        outgoing = alice.client.call(UID)
        await alice.seen("ringing")
        unknown = await door.ask(op, "accept", conversation="00000000-0000-0000-0000-000000000001")
        accepted = await door.ask(op, "accept", conversation=outgoing.id)
        again = await door.ask(op, "accept", conversation=outgoing.id)
        response = await door.event("response")
        assert door.peers.last.grant.video is False
    assert (refused["ok"], refused["code"], refused["message"]) == (
        False,
        "invalid_state",
        "nothing rings",
    )
    assert (unknown["ok"], unknown["code"]) == (False, "invalid_state")
    assert (accepted["ok"], accepted["conversation"]) == (True, outgoing.id)
    assert (again["ok"], again["code"]) == (False, "invalid_state")
    assert (response["callStatus"], response["rule"]) == ("ACCEPTED", "ask")


async def test_reject_of_what_rings(tmp_path: Path) -> None:
    async with asked(tmp_path, RING) as (door, op, alice):
        outgoing = alice.client.call(UID)
        await alice.seen("ringing")
        done = await door.ask(op, "reject")
        record = await outgoing.wait_closed()
        response = await door.event("response")
    assert (done["ok"], done["conversation"]) == (True, outgoing.id)
    assert record.call_status is CallStatus.REJECTED
    assert (response["reason"], response["rule"]) == ("declined", "ask")


async def test_close_of_one_or_all(tmp_path: Path) -> None:
    async with asked(tmp_path, ACCEPT) as (door, op, alice):
        nothing = await door.ask(op, "close")
        outgoing = alice.client.call(UID)
        await outgoing.answered()
        other = await door.ask(op, "close", conversation="00000000-0000-0000-0000-000000000001")
        assert outgoing.state is not State.CLOSED
        done = await door.ask(op, "close")
        record = await outgoing.wait_closed()
    assert (nothing["code"], other["code"]) == ("invalid_state", "invalid_state")
    assert (done["ok"], done["conversations"]) == (True, [outgoing.id])
    assert record.closed_by == "remote"


async def test_call_while_another_goes_on_is_refused(tmp_path: Path) -> None:
    async with asked(tmp_path) as (door, op, alice):
        done = await door.ask(op, "call", to=["alice", "nobody"], mode="parallel", lifetime=5)
        incoming = await called(alice)
        second = await door.ask(op, "call", to=["alice"])
        await incoming.reject()
        await door.ask(op, "close", conversation=done["conversation"])
        closed = await door.event("closed")
    assert incoming.id == done["conversation"]
    assert (second["ok"], second["code"]) == (False, "invalid_state")
    assert (closed["reason"], closed["targets"], closed["direction"]) == (
        "cancelled",
        ["alice", "nobody"],
        "outgoing",
    )


async def test_mute_in_a_call(tmp_path: Path) -> None:
    async with asked(tmp_path, ACCEPT) as (door, op, alice):
        nothing = await door.ask(op, "mute", audio=True)
        await alice.client.call(UID).answered()
        done = await door.ask(op, "mute", video=True)
        assert door.peers.last.muted == {"audio": None, "video": True}
    assert (nothing["code"], done["ok"]) == ("invalid_state", True)


async def test_snapshot_of_the_camera(tmp_path: Path) -> None:
    async with asked(tmp_path) as (door, op, _):
        missing = await door.ask(op, "snapshot")
        door.picture = Jpeg(b"\xff\xd8", 640, 480)
        done = await door.ask(op, "snapshot")
    assert (missing["ok"], missing["code"], missing["message"]) == (False, "failed", "no camera")
    assert (done["width"], done["height"], done["contentType"], done["data"]) == (
        640,
        480,
        "image/jpeg",
        "/9g=",
    )


async def test_reload_of_good_and_bad_files(tmp_path: Path) -> None:
    async with asked(tmp_path) as (door, op, _):
        done = await door.ask(op, "reload")

        def bad() -> dict[str, Any]:
            raise ConfigurationError(["policy.toml: rule 1: action: 'perhaps'"])

        door.reload = bad
        kept = await door.ask(op, "reload")
    assert (done["ok"], done["rules"]) == (True, 1)
    assert (kept["ok"], kept["code"]) == (False, "configuration")
    assert "perhaps" in kept["message"]


@pytest.mark.parametrize(
    "end", [None, "2100-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999Z"]
)
async def test_override_for_a_while(tmp_path: Path, end: str | None) -> None:
    async with asked(tmp_path, ACCEPT) as (door, op, alice):
        done = await door.ask(op, "policy", override="reject", **({"until": end} if end else {}))
        assert await alice.client.call(UID).answered() is CallStatus.REJECTED
        await alice.client.close()
        back = await door.ask(op, "policy", override=None)
        assert door.screening.policy_override is None
        told = [each["override"] and each["override"]["action"] for each in door.on("settings")]
    # without an end it is for 24 hours
    assert (done["ok"], done["override"]) == (True, "reject")
    assert done["until"] == (end or format_time(NOW + 24 * 3600))
    assert back["ok"] is True
    assert told == [None, None, "reject", None]


async def test_override_that_is_over_before_it_began_is_refused(tmp_path: Path) -> None:
    async with asked(tmp_path, ACCEPT) as (door, op, alice):
        done = await door.ask(op, "policy", override="reject", until="2001-01-01T00:00:00Z")
        assert await alice.client.call(UID).answered() is CallStatus.ACCEPTED
    assert (done["ok"], done["code"]) == (False, "invalid_state")


async def test_volume_is_turned_told_and_kept(tmp_path: Path) -> None:
    network = FakeNetwork()
    levels = {"speaker": Level(80), "microphone": Level(80)}
    async with operator(network) as op:
        async with device(network, tmp_path, levels=levels) as door:
            done = await door.ask(op, "volume", speaker=30)
            asked = await door.ask(op, "volume")
            told = door.on("settings")
        assert (done["ok"], done["speaker"], done["microphone"]) == (True, 30, 80)
        assert (asked["ok"], asked["speaker"], asked["microphone"]) == (True, 30, 80)
        assert levels["speaker"].level == 30
        again = {"speaker": Level(80), "microphone": Level(80)}
        async with device(network, tmp_path, levels=again) as door:
            assert (again["speaker"].level, again["microphone"].level) == (30, 80)
    assert told[-1] == {"speaker": 30, "microphone": 80} | QUIET


async def test_volume_of_what_the_device_has_not_got_is_refused(tmp_path: Path) -> None:
    network, levels = FakeNetwork(), {"speaker": Level(80)}
    async with operator(network) as op, device(network, tmp_path, levels=levels) as door:
        done = await door.ask(op, "volume", speaker=30, microphone=30)
        assert levels["speaker"].level == 80
        told = door.on("settings")
    assert (done["ok"], done["code"]) == (False, "not_supported")
    assert done["message"] == "this device has no microphone"
    assert told[-1] == {"speaker": 80} | QUIET


@pytest.mark.parametrize(
    ("verb", "payload", "code"),
    [
        ("dance", b"{}", "unknown_verb"),
        ("call", b"{}", "invalid"),
        ("call", b'{"to": ["a/b"]}', "invalid"),
        ("call", b'{"to": ["a"], "lifetime": 121}', "invalid"),
        ("call", b'{"to": ["a"], "mode": "both"}', "invalid"),
        ("mute", b'{"audio": "yes"}', "invalid"),
        ("volume", b'{"speaker": 101}', "invalid"),
        ("volume", b'{"microphone": true}', "invalid"),
        ("policy", b"{}", "invalid"),
        ("policy", b'{"override": "busy"}', "invalid"),
        ("policy", b'{"override": "accept", "until": "tomorrow"}', "invalid"),
        ("close", b'{"conversation": "x"}', "invalid"),
        ("reload", b"[]", "not_an_object"),
        ("reload", b"{", "not_json"),
        ("open", b"{}", "stale"),
    ],
)
async def test_command_that_cannot_be_used_is_answered(
    tmp_path: Path, verb: str, payload: bytes, code: str
) -> None:
    async with asked(tmp_path) as (door, op, _):
        op.publish(f"{PREFIX}/{UID}/command/{verb}", payload)
        await until(lambda: bool(door.on("events/command_result")))
        (result,) = door.on("events/command_result")
    assert (result["ok"], result["code"], result["verb"], result["device"]) == (
        False,
        code,
        verb,
        UID,
    )


async def test_command_result_goes_to_the_response_topic(tmp_path: Path) -> None:
    async with asked(tmp_path) as (door, op, _):
        topic = f"{PREFIX}/{UID}/reply/7"
        stream = op.subscribe(topic)
        op.publish(
            f"{PREFIX}/{UID}/command/reload",
            b'{"id": "7"}',
            response_topic=topic,
            correlation_data=b"\x00\x07",
        )
        async with asyncio.timeout(PATIENCE):
            reply = await stream.receive()
        assert door.on("events/command_result") == []
    assert (reply.correlation_data, json.loads(reply.payload)) == (
        b"\x00\x07",
        {"ok": True, "id": "7", "rules": 1},
    )


async def test_command_that_is_retained_or_expired_does_nothing(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with operator(network) as op:
        op.publish(f"{PREFIX}/{UID}/command/reload", b'{"id": "retained"}', retain=True)
        async with device(network, tmp_path) as door:
            pass  # its session stays
        op.publish(f"{PREFIX}/{UID}/command/reload", b'{"id": "expired"}', expiry=5)
        network.advance(6)
        async with device(network, tmp_path) as door:
            assert (await door.ask(op, "reload"))["ok"]
            assert [each["id"] for each in door.on("events/command_result")] == ["request-0"]


async def test_command_that_breaks_is_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("a bug")

    async with asked(tmp_path) as (door, op, _):
        door.reload = broken
        result = await door.ask(op, "reload")
    assert (result["ok"], result["code"], result["message"]) == (False, "internal", "RuntimeError")
    assert "a bug" in caplog.text


async def test_commands_under_way_are_bounded(tmp_path: Path) -> None:
    async with asked(tmp_path) as (door, op, _):
        door.camera.clear()
        for number in range(MAX_UNDER_WAY + 3):
            op.publish(f"{PREFIX}/{UID}/command/snapshot", json.dumps({"id": str(number)}).encode())
        await until(lambda: len(door.on("events/command_result")) == 3)
        assert {each["code"] for each in door.on("events/command_result")} == {"overloaded"}
        door.camera.set()
        await until(lambda: len(door.on("events/command_result")) == MAX_UNDER_WAY + 3)
        assert (await door.ask(op, "reload"))["ok"]


async def test_status_follows_the_calls(tmp_path: Path) -> None:
    network, clock = FakeNetwork(), iter(range(1000))
    options = replace(FAST, wall=lambda: NOW + next(clock))
    async with (
        device(network, tmp_path, ACCEPT, options=options) as door,
        party(network, "alice") as alice,
    ):
        conversation = alice.client.call(UID)
        await conversation.answered()
        await conversation.close()
        await until(lambda: len(door.on("status")) == 3)
        states = [
            (each["state"], each["busy"], each["conversations"]) for each in door.on("status")
        ]
        since = [each["since"] for each in door.on("status")]
        door.broker.drop()
        await until(lambda: len(door.on("status")) == 4)
        assert door.on("status")[-1] == door.on("status")[-2], (
            "the same state since the same moment"
        )
        assert len(door.on("about")) == 2
        await door.status.goodbye()
    assert states == [("online", False, 0), ("online", True, 1), ("online", False, 0)]
    assert since == sorted(set(since))
    assert (
        network.retained[f"{PREFIX}/{UID}/status"].payload
        == json.dumps(door.on("status")[-1], separators=(",", ":")).encode()
    )
    assert (door.on("status")[-1]["state"], door.on("status")[-1]["busy"]) == ("offline", False)
