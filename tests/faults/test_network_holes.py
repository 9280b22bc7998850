"""The path of the media goes away, comes back, or becomes another one; the far side goes for good.

How quickly a picture is back, and after which holes, is for `python -m tests.bench --only holes` to
measure; a busy machine must not fail what works.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import UID, Program, Watcher, call, device, record_of
from tests.faults.scene import Scene, neighbors, scene
from tests.waiting import PATIENCE

RING = '[[policy.rule]]\nname = "ask"\naction = "ring"\n'

pytestmark = [pytest.mark.broker, pytest.mark.media]

ACROSS_A_LINK = [pytest.mark.browser, pytest.mark.netns]


def across_a_link(test: Any) -> Any:
    for mark in ACROSS_A_LINK:
        test = mark(test)
    return test


async def ended(at: Scene) -> dict[str, Any]:
    """Hang up, and read the device's record; it must be the only call that there was."""
    await at.caller.hang_up()
    record: dict[str, Any] = await at.watcher.wait(f"{UID}/events/closed")
    assert [event["event"] for event in at.watcher.events()].count("called") == 1
    return record


@across_a_link
async def test_a_hole_of_some_seconds(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """The signalling lives: the device offers a fresh transport, and the call goes on when the path
    is back.
    """
    async with scene(tmp_path, mosquitto, watcher) as at:
        viewing = await at.call(measure=False)
        await at.link.change(up=False)
        offer = await at.caller.wait("offer")
        await asyncio.sleep(2)
        await at.link.change(up=True)
        await viewing.next_picture()
        await at.caller.until("caller.seen.renewals > 0")
        await viewing.next_picture()
        record = await ended(at)
    assert offer["generation"] == 1
    assert record["reason"] == "user_hangup"
    assert record["reconnects"] >= 1
    assert record["path"]["local"] == "host"


@across_a_link
async def test_a_hole_that_loses_the_call(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """Its line is free meanwhile; the picture comes back, in the same call, with the path."""
    async with scene(tmp_path, mosquitto, watcher) as at:
        viewing = await at.call(measure=False)
        mark = len(watcher.messages)
        await at.link.change(up=False)
        status = await watcher.wait(f"{UID}/status", lambda body: not body["busy"], after=mark)
        mark = len(watcher.messages)
        await at.link.change(up=True)
        await viewing.next_picture()
        await watcher.wait(f"{UID}/status", lambda body: body["busy"], after=mark)
        record = await ended(at)
    assert status["conversations"] == 1
    assert record["reason"] == "user_hangup"


@across_a_link
async def test_another_address(tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher) -> None:
    """Nobody waits for silence: the kernel says that the address has changed."""
    async with scene(tmp_path, mosquitto, watcher) as at:
        viewing = await at.call(measure=False)
        await at.network.move()
        await at.caller.until("caller.seen.renewals > 0")
        await viewing.next_picture()
        record = await ended(at)
    assert record["reason"] == "user_hangup"
    assert record["reconnects"] >= 1
    assert "our addresses are now 10.77.0.3" in at.device.log()


@pytest.mark.netns
@pytest.mark.parametrize("near", ["device", "caller"])
async def test_another_address_for_the_signaling_too(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher, near: Literal["device", "caller"]
) -> None:
    """The connection to the broker goes with the address: it is made anew at once, and carries the
    fresh offer.
    """
    async with neighbors(tmp_path, mosquitto, watcher, near=near) as at:
        await at.output.picture()
        await at.network.move()
        await at.output.picture()
        at.caller.signal(signal.SIGINT)
        record = await watcher.wait(f"{UID}/events/closed")
        await at.caller.process.wait()
        moved = (at.device if near == "device" else at.caller).log()
    assert [event["event"] for event in watcher.events()].count("called") == 1
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "remote")
    assert record["reconnects"] >= 1
    assert "our addresses are now 10.77.0.3" in moved
    assert "lost the broker" in moved


@pytest.mark.netns
async def test_another_address_while_it_rings(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """All that the caller invited with is gone when the device accepts: a fresh transport follows
    at once.
    """
    async with neighbors(tmp_path, mosquitto, watcher, near="caller", policy=RING) as at:
        await watcher.wait(f"callbox-call/signal/{UID}", lambda body: body["type"] == "ringing")
        await at.network.move()
        await logged(at.caller, "our addresses are now 10.77.0.3")
        watcher.publish(f"{UID}/command/accept", {})
        await at.output.picture()
        at.caller.signal(signal.SIGINT)
        record = await watcher.wait(f"{UID}/events/closed")
        await at.caller.process.wait()
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "remote")


@asynccontextmanager
async def under_way(
    folder: Path, mosquitto: Mosquitto, watcher: Watcher
) -> AsyncIterator[tuple[Program, Program]]:
    """A device, and a caller in a process of its own, whose call is connected."""
    async with device(folder, mosquitto, watcher) as program:
        caller = await call(folder, mosquitto, "--seconds", "600")
        try:
            await watcher.wait(f"{UID}/events/local_stats")
            # reported by the caller
            await watcher.wait(f"{UID}/events/remote_stats", lambda body: "video" in body)
            yield program, caller
        finally:
            await caller.end()


async def test_a_caller_that_vanishes_frees_the_device(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """It keeps its place, the next caller takes its line, and it is closed once."""
    async with under_way(tmp_path, mosquitto, watcher) as (_, caller):
        mark = len(watcher.messages)
        caller.process.kill()
        status = await watcher.wait(f"{UID}/status", lambda status: not status["busy"], after=mark)
        assert status["conversations"] == 1
        assert not [each for each in watcher.events() if each["event"] == "closed"]
        following = await call(tmp_path, mosquitto, "--seconds", "1")
        record = await watcher.wait(f"{UID}/events/closed")
        _, output = await following.finish()
        vanished = record["conversation"]
        await watcher.wait(f"{UID}/events/closed", lambda body: body["conversation"] != vanished)
    assert (record["reason"], record["closedBy"]) == ("replaced", "local")
    assert record_of(output)["reason"] == "user_hangup"
    assert [event["event"] for event in watcher.events(vanished)].count("closed") == 1


async def test_a_call_goes_on_and_ends_without_the_broker(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    """`close` travels on the data channel; the record follows when the broker is back."""
    async with under_way(tmp_path, mosquitto, watcher) as (program, caller):
        mosquitto.kill()
        await logged(program, "lost the broker")
        caller.signal(signal.SIGINT)
        await logged(program, "closed: user_hangup by remote")
        mosquitto.start()
        record = await watcher.wait(f"{UID}/events/closed")
        _, output = await caller.finish()
    assert (record["reason"], record["closedBy"]) == ("user_hangup", "remote")
    assert record_of(output)["reason"] == "user_hangup"


async def logged(program: Program, words: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while words not in program.log():
        assert time.monotonic() < deadline, program.log()
        # a log has no event
        await asyncio.sleep(0.05)
