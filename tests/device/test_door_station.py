"""Outputs, doors, privacy and silence of one device, by command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.signaling.protocol.messages import format_time
from tests.device.door_scene import CODED, DOOR
from tests.devices import Device, device, operator
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, NOW
from tests.waiting import until

FRESH = format_time(NOW)


async def opened(door: Device) -> int:
    await door.outbox.flush(30)
    return len([each for each in door.events() if each.get("action") == "open"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"issuedAt": FRESH}, None),
        ({"issuedAt": FRESH, "output": "door"}, None),
        ({"issuedAt": FRESH, "output": "gate", "code": "4711"}, None),
        ({}, "stale"),
        ({"issuedAt": format_time(NOW - 10.1)}, "stale"),
        ({"issuedAt": format_time(NOW + 10.1)}, "stale"),
        ({"issuedAt": format_time(NOW - 3600)}, "stale"),
        ({"issuedAt": FRESH, "output": "cellar"}, "no_such_output"),
        ({"issuedAt": FRESH, "output": "gate"}, "wrong_code"),
        ({"issuedAt": FRESH, "output": "gate", "code": "4712"}, "wrong_code"),
        ({"issuedAt": FRESH, "output": 5}, "invalid"),
    ],
)
async def test_open_by_command(tmp_path: Path, fields: dict[str, Any], code: str | None) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path, outputs=(DOOR, CODED)) as door,
        operator(network) as op,
    ):
        result = await door.ask(op, "open", **fields)
        assert (result["ok"], result.get("code")) == (code is None, code)
        assert await opened(door) == (code is None)
        if code == "stale":
            assert result["now"] == FRESH


async def test_open_by_command_is_carried_out_once(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, outputs=(DOOR, CODED)) as door, operator(network) as op:

        def send(body: str) -> None:
            op.publish("callbox/v1/door-1/command/open", body.encode())

        for _ in range(3):
            send(f'{{"issuedAt": "{FRESH}"}}')
            send(f'{{"id": "one", "issuedAt": "{FRESH}"}}')
        await until(lambda: len(door.on("events/command_result")) == 6)
        assert all(each["ok"] for each in door.on("events/command_result"))
        # one by its id, and one by door and time
        assert await opened(door) == 2


async def test_open_by_command_needs_leave(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with (
        device(network, tmp_path, outputs=(DOOR,), commands=("close",)) as door,
        operator(network) as op,
    ):
        assert (await door.ask(op, "open", issuedAt=FRESH))["code"] == "not_allowed"
        assert await opened(door) == 0


async def test_open_by_command_waits_for_the_clock(tmp_path: Path) -> None:
    early = replace(FAST, wall=lambda: 1000.0)
    network = FakeNetwork()
    async with (
        device(network, tmp_path, outputs=(DOOR,), options=early) as door,
        operator(network) as op,
    ):
        assert (await door.ask(op, "open", issuedAt=FRESH))["code"] == "clock_unset"
        assert await opened(door) == 0


async def test_open_by_commands_that_guess_locks_commands_out(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, outputs=(CODED,)) as door, operator(network) as op:
        codes = [
            (await door.ask(op, "open", issuedAt=FRESH, code=f"{each:04}"))["code"]
            for each in range(4)
        ]
        right = await door.ask(op, "open", issuedAt=FRESH, code="4711")
        assert codes == ["wrong_code"] * 3 + ["locked"]
        assert right["code"] == "locked"
        assert await opened(door) == 0


async def shown(door: Device, op: FakeBroker, seconds: int) -> Any:
    result = await door.ask(op, "silence", seconds=seconds)
    assert door.on("settings")[-1]["silencedUntil"] == result.get("silencedUntil")
    return result.get("silencedUntil")


async def test_silence_by_command_is_shown_and_taken_back(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path) as door, operator(network) as op:
        assert await shown(door, op, 60) == format_time(NOW + 60)
        assert door.door.silence.silenced
        assert await shown(door, op, 0) is None
        assert not door.door.silence.silenced
        assert (await door.ask(op, "silence", seconds=-1))["code"] == "invalid"
