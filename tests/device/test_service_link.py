"""The device as a service."""

from __future__ import annotations

import asyncio
from datetime import UTC
from pathlib import Path

import pytest

from agent.core.policy.rules import Policy
from agent.device.device_state import DeviceState
from agent.device.parts import compose
from agent.device.service_link import ServiceLink
from agent.device.snapshots import SnapshotMaker
from agent.service.status_client import ask
from agent.settings import Settings
from tests.waiting import until


def link(folder: Path, state: DeviceState, fault: str | None) -> ServiceLink:
    settings = Settings.model_validate(
        {"uid": "door-1", "state_directory": folder, "audio": {"capture": "none"}}
    )
    policy = Policy(timezone=UTC)
    parts = compose(settings, policy, lambda: (settings, policy))
    snapshots = SnapshotMaker(
        settings, state, parts.client, parts.broker, parts.video, parts.outbox
    )
    return ServiceLink(
        "door-1", state, snapshots, lambda: fault, {"RUNTIME_DIRECTORY": str(folder)}
    )


@pytest.mark.parametrize("fault", [None, "none found"])
async def test_service_link_looks_for_the_camera_once(tmp_path: Path, fault: str | None) -> None:
    state = DeviceState("auto")
    async with link(tmp_path, state, fault):
        await until(lambda: state.camera.looked_for)
    assert state.camera.missing == fault


async def test_service_link_answers_at_its_socket_while_open(tmp_path: Path) -> None:
    socket = tmp_path / "status.sock"
    async with link(tmp_path, DeviceState("auto"), None):
        status = await asyncio.to_thread(ask, socket)
    assert status["uid"] == "door-1"
    with pytest.raises(OSError, match="No such file"):
        await asyncio.to_thread(ask, socket)
