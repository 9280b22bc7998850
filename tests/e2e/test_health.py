"""What a real device says of its health, over a real broker."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from agent.signaling.protocol.messages import parse_time
from tests.conftest import Mosquitto
from tests.e2e.device import Program, Watcher, configuration, device
from tests.free_ports import free_port

pytestmark = [pytest.mark.broker, pytest.mark.media]


async def test_health_of_a_device_tells_board_process_and_refusals(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    async with device(tmp_path, mosquitto, watcher):
        first = await watcher.wait("door-1/health")
        assert abs(parse_time(first["timestamp"]) - time.time()) < 60
        for name in ("memoryAvailableBytes", "residentBytes", "diskFreeBytes", "uptimeSeconds"):
            assert first[name] > 0, name
        assert (first["restarts"], first["crashes"], first["faults"]) == (0, 0, [])
        assert first["counters"]["refusedCommands"] == 0
        about = await watcher.wait("door-1/about")
        assert about["restarts"] == 0
        assert len({about["policyHash"], about["configHash"]}) == 2


async def test_health_after_a_kill_counts_the_crash(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    config = configuration(tmp_path, mosquitto.port)
    killed = await Program.start(tmp_path / "killed.log", "run", "--config", str(config))
    await watcher.wait("door-1/health")
    killed.process.kill()
    await killed.process.wait()
    await killed.end()
    mark = len(watcher.messages)
    async with device(tmp_path, mosquitto, watcher):
        said = await watcher.wait("door-1/health", after=mark)
        about = await watcher.wait("door-1/about", after=mark)
    assert (said["restarts"], said["crashes"], about["restarts"]) == (1, 1, 1)


async def test_health_and_status_of_a_part_that_fails_and_a_command_that_is_refused(
    tmp_path: Path, mosquitto: Mosquitto, watcher: Watcher
) -> None:
    gone = tmp_path / "none.pem"
    page = (
        f'[web]\nenabled = true\nport = {free_port()}\ncert_file = "{gone}"\nkey_file = "{gone}"\n'
    )
    runtime = {"XDG_RUNTIME_DIR": str(tmp_path)}
    config = configuration(tmp_path, mosquitto.port, page)
    program = await Program.start(
        tmp_path / "door.log", "run", "--config", str(config), env=runtime
    )
    try:
        await watcher.wait("door-1/health", lambda body: body["faults"] == ["page_failed"])
        watcher.publish("door-1/command/open", {"id": "1"})
        await watcher.wait("door-1/events/command_result", lambda body: not body["ok"])
        status = await status_of(tmp_path, runtime)
    finally:
        await program.end()
    # a door that stays shut is counted as both
    assert (status["refused"]["commands"], status["refused"]["doors"]) == (1, 1)
    assert status["faults"].keys() == {"page"}


async def status_of(folder: Path, env: dict[str, str]) -> Any:
    asking = await Program.start(folder / "status.log", "status", "--json", env=env)
    code, output = await asking.finish()
    assert code == 0, asking.log()
    return json.loads(output)
