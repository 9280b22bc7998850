"""Commands that wait in a real broker while the device is away."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from agent.signaling.protocol.messages import format_time
from tests.conftest import Mosquitto
from tests.e2e.device import Program, Watcher, call, configuration

pytestmark = [pytest.mark.broker, pytest.mark.media]

# only its rule lets anybody in
POLICY = '[[policy.rule]]\nname = "x"\ncallers = ["x"]\naction = "accept"\n'
# more than the broker sends before the first is acknowledged
MANY = 60


async def online(folder: Path, watcher: Watcher, config: Path) -> Program:
    mark = len(watcher.messages)
    program = await Program.start(folder / "door.log", "run", "--config", str(config))
    await watcher.wait("door-1/status", lambda body: body["state"] == "online", after=mark)
    return program


async def result_of(watcher: Watcher, name: str) -> Any:
    return await watcher.wait("door-1/events/command_result", lambda body: body["id"] == name)


async def test_commands_that_waited_for_a_killed_device_are_stale(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    config = configuration(tmp_path, mosquitto.port, policy=POLICY)
    program = await online(tmp_path, watcher, config)
    program.process.kill()
    await program.process.wait()
    await watcher.wait("door-1/status", lambda body: body["state"] == "offline")
    for number in range(MANY):
        watcher.publish("door-1/command/mute", {"id": f"m{number}", "video": True})
    watcher.publish("door-1/command/policy", {"id": "1", "override": "accept"})
    watcher.publish("door-1/command/call", {"id": "2", "to": ["alice"]})
    watcher.publish("door-1/command/snapshot", {"id": "3"})
    issued_at = format_time(time.time())
    await watcher.publish("door-1/command/reload", {"id": "4", "issuedAt": issued_at})
    program = await online(tmp_path, watcher, config)
    try:
        results = {
            name: (await result_of(watcher, name)).get("code")
            for name in ("1", "2", "3", "4", f"m{MANY - 1}")
        }
        watcher.publish("door-1/command/close", {"id": "5"})
        now = await result_of(watcher, "5")
        refused, _ = await (await call(tmp_path, mosquitto, "--uid", "mallory")).finish()
    finally:
        await program.end()
    assert results == dict.fromkeys(("1", "2", "3", f"m{MANY - 1}"), "stale") | {"4": None}
    # what comes now is judged by what it asks
    assert now["code"] == "invalid_state"
    assert refused == 3
    assert not [each for each in watcher.messages if each.name.startswith("alice/")]


async def test_command_while_the_device_stops_rings_nobody_after_its_start(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    config = configuration(tmp_path, mosquitto.port, policy=POLICY)
    program = await online(tmp_path, watcher, config)
    program.process.terminate()
    await watcher.wait("door-1/status", lambda body: body["state"] == "offline")
    await watcher.publish("door-1/command/call", {"id": "late", "to": ["alice"]})
    await program.process.wait()
    program = await online(tmp_path, watcher, config)
    try:
        late = await result_of(watcher, "late")
    finally:
        await program.end()
    # of the device that stops, or after its start
    assert late["code"] in ("invalid_state", "stale")
    assert not [each for each in watcher.messages if each.name.startswith("alice/")]
