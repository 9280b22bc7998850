"""The page as a part of the device."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from agent.device.device_state import DeviceState
from agent.device.optional_part import OptionalPart
from agent.device.page import page_server
from agent.settings import Settings
from tests.free_ports import free_port
from tests.web.http_client import get, open_websocket
from tests.web.test_mqtt_login import connect


def settings(**web: object) -> Settings:
    return Settings.model_validate({"uid": "door-1", "web": {"enabled": True, **web}})


async def test_page_whose_port_is_taken_is_a_fault_and_no_end() -> None:
    state = DeviceState("none")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        chosen = settings(port=taken.getsockname()[1])
        async with OptionalPart("page", lambda: page_server(chosen), state, retry_first=3600):
            assert "cannot be served" in state.faults["page"]


@pytest.mark.parametrize("missing", ["cert_file", "key_file"])
async def test_page_whose_certificate_is_missing_is_a_fault_and_no_end(
    tmp_path: Path, missing: str
) -> None:
    state = DeviceState("none")
    files = {each: str(tmp_path / each) for each in ("cert_file", "key_file")}
    (tmp_path / missing).touch()
    chosen = settings(host="127.0.0.1", **files)
    async with OptionalPart("page", lambda: page_server(chosen), state, retry_first=3600):
        assert "page" in state.faults


async def test_page_logs_in_to_the_broker_as_whom_the_settings_say() -> None:
    chosen = settings(port=free_port(), uid="hall", token="t0k3n")
    async with page_server(chosen):
        answer = await get(chosen.web.port, "/config.json")
    said = json.loads(answer.body)
    assert (said["uid"], said["username"], said["token"]) == ("hall", "hall", "t0k3n")


async def test_page_of_a_device_that_logs_in_takes_nobody_to_the_broker() -> None:
    chosen = Settings.model_validate(
        {
            "uid": "door-1",
            "mqtt": {"username": "door-1", "password": "secret", "port": free_port()},
            "web": {"enabled": True, "port": free_port()},
        }
    )
    async with page_server(chosen), open_websocket(chosen.web.port) as websocket:
        await websocket.send(connect(None))
        assert await websocket.recv() == b"\x20\x03\x00\x87\x00"
