"""Which commands are carried out: those that the settings name, once, and in time."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.core.call.delivery import Delivery
from agent.counts import RefusalKind, refusals
from agent.device.command_reader import LATEST, MAX_RESULTS
from agent.signaling.protocol.messages import COMMANDS, format_time
from tests.devices import UID, Device, device, operator
from tests.fakes.broker import FakeBroker
from tests.fakes.network import FakeNetwork
from tests.parties import FAST, NOW, PREFIX
from tests.waiting import until

UNSET = 1000.0  # Unix seconds


def publish(op: FakeBroker, verb: str, **fields: Any) -> None:
    op.publish(f"{PREFIX}/{UID}/command/{verb}", json.dumps(fields).encode())


async def results(door: Device, number: int) -> list[dict[str, Any]]:
    await until(lambda: len(door.on("events/command_result")) >= number)
    return door.on("events/command_result")


@pytest.mark.parametrize("verb", sorted(COMMANDS))
async def test_command_that_the_settings_do_not_name_is_not_allowed(
    tmp_path: Path, verb: str
) -> None:
    network, before = FakeNetwork(), refusals.totals()[RefusalKind.COMMAND]
    async with device(network, tmp_path, commands=()) as door, operator(network) as op:
        # judged before what it says
        publish(op, verb, id="1", override="nonsense")
        (result,) = await results(door, 1)
    assert (result["ok"], result["code"], result["id"]) == (False, "not_allowed", "1")
    assert refusals.totals()[RefusalKind.COMMAND] == before + 1


async def test_command_that_comes_again_is_carried_out_once(tmp_path: Path) -> None:
    network, reloads = FakeNetwork(), 0

    def reload() -> dict[str, Any]:
        nonlocal reloads
        reloads += 1
        return {"rules": reloads}

    async with device(network, tmp_path) as door, operator(network) as op:
        door.reload = reload
        for _ in range(3):
            publish(op, "reload", id="1")
        said = await results(door, 3)
        publish(op, "reload", id="2")
        last = (await results(door, 4))[-1]
    assert [each["rules"] for each in said] == [1, 1, 1]
    assert last["rules"] == 2


async def test_command_that_comes_again_while_it_is_under_way_waits_for_its_result(
    tmp_path: Path,
) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path) as door, operator(network) as op:
        door.camera.clear()
        for _ in range(2):
            publish(op, "snapshot", id="1")
        assert (await door.ask(op, "reload"))["ok"]
        door.camera.set()
        said = [each for each in await results(door, 3) if each["id"] == "1"]
    assert [each["code"] for each in said] == ["failed", "failed"]


@pytest.mark.parametrize(
    ("wall", "age", "code"),
    [
        (NOW, LATEST, None),
        (NOW, LATEST + 1, "stale"),
        # a clock that is ahead of ours
        (NOW, -60.0, None),
        # we do not know the time, so the queue alone counts
        (UNSET, LATEST + 1, None),
    ],
)
async def test_command_is_late_by_when_it_was_issued(
    tmp_path: Path, wall: float, age: float, code: str | None
) -> None:
    network, options = FakeNetwork(), replace(FAST, wall=lambda: wall)
    async with device(network, tmp_path, options=options) as door, operator(network) as op:
        result = await door.ask(op, "reload", issuedAt=format_time(wall - age))
    assert result.get("code") == code
    assert result.get("now") == (format_time(wall) if code else None)


async def test_command_that_waited_in_the_broker_is_late(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with operator(network) as op:
        async with device(network, tmp_path):
            # its session stays
            pass
        publish(op, "policy", id="1", override="accept")
        publish(op, "call", to=["alice"])
        # within half a minute it is carried out all the same
        publish(op, "reload", id="3", issuedAt=format_time(NOW - 10))
        publish(op, "reload", id="4", issuedAt=format_time(NOW - 60))
        async with device(network, tmp_path) as door:
            said = await results(door, 4)
            # and what comes now is not late
            assert (await door.ask(op, "reload"))["ok"]
            assert door.screening.policy_override is None
            assert not door.client.conversations
    assert {each.get("id"): each.get("code") for each in said} == {
        "1": "stale",
        None: "stale",
        "3": None,
        "4": "stale",
    }


async def test_command_in_a_flood_gets_its_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each one that was taken is answered, if only that there were too many."""
    network, before = FakeNetwork(), refusals.totals()[RefusalKind.COMMAND]
    caplog.set_level("INFO", "agent.device.command_reader")
    async with device(network, tmp_path) as door, operator(network) as op:
        for number in range(600):
            publish(op, "mute", id=str(number), audio=True)
        # of another verb, so not in the way
        publish(op, "reload", id="reload")
        said = await results(door, 601)
    outcomes = Counter(each.get("code", "ok") for each in said)
    assert outcomes["overloaded"]
    assert sum(outcomes.values()) == 601
    assert [each["ok"] for each in said if each.get("id") == "reload"] == [True]
    assert refusals.totals()[RefusalKind.COMMAND] - before >= outcomes["overloaded"]
    # of those that were refused
    assert sum("overloaded" in line for line in caplog.messages) <= 40


async def test_commands_of_made_up_verbs_keep_none_of_ours_away(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path) as door, operator(network) as op:
        for number in range(2000):
            publish(op, f"made-up-{number}")
            await asyncio.sleep(0)
        assert (await door.ask(op, "reload"))["ok"]


async def test_commands_beyond_what_the_broker_takes_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results have no more than their share of the queue to the broker."""
    network, held = FakeNetwork(), list[asyncio.Future[Delivery]]()

    def hold(*_: object, **__: object) -> asyncio.Future[Delivery]:
        held.append(asyncio.get_running_loop().create_future())
        return held[-1]

    async with device(network, tmp_path) as door, operator(network) as op:
        with monkeypatch.context() as patched:
            patched.setattr(door.broker, "publish", hold)
            for number in range(300):
                publish(op, "mute", id=str(number), audio=True)
            await until(lambda: len(held) >= MAX_RESULTS)
            for _ in range(100):
                await asyncio.sleep(0)
            assert len(held) == MAX_RESULTS
        for each in held:
            each.set_result(Delivery.TAKEN)
        await results(door, 300 - MAX_RESULTS)


async def test_allow_changes_what_is_carried_out(tmp_path: Path) -> None:
    network = FakeNetwork()
    async with device(network, tmp_path, commands=()) as door, operator(network) as op:
        assert (await door.ask(op, "reload"))["code"] == "not_allowed"
        door.commands.allow(["reload"])
        assert (await door.ask(op, "reload"))["ok"]
