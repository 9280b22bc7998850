"""config/examples/bell.toml: checked, started, pressed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.e2e.device import Program, watching
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.broker, pytest.mark.media]

BELL = Path(__file__).parent.parent.parent / "config/examples/bell.toml"


async def test_bell_rings_and_tells_the_phone(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine without pins: those are told, and the device is there all the same."""
    told: list[bytes] = []
    everything = asyncio.Event()

    async def phone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        told.append(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        everything.set()

    server = await asyncio.start_server(phone, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for name, value in (
        ("XDG_RUNTIME_DIR", str(tmp_path)),
        ("CALLBOX_STATE_DIRECTORY", str(tmp_path / "state")),
        ("CALLBOX_MQTT__PORT", str(mosquitto.port)),
        ("CALLBOX_NOTIFY__0__URL", f"http://127.0.0.1:{port}/door"),
        ("CALLBOX_VIDEO__SOURCE", "pattern"),
        # whatever the time is
        ("CALLBOX_RING__DO_NOT_DISTURB", ""),
    ):
        monkeypatch.setenv(name, value)
    arguments = ("--config", str(BELL))
    checked = await Program.start(tmp_path / "check.log", "check", *arguments)
    assert (await checked.finish())[0] == 0, checked.log()
    async with server, watching(mosquitto) as watcher:
        bell = await Program.start(tmp_path / "bell.log", "run", *arguments)
        try:
            await watcher.wait("door-1/status", lambda body: body["state"] == "online")
            pressed = await Program.start(
                tmp_path / "press.log", "press", "front", "--json", *arguments
            )
            code, output = await pressed.finish()
            assert code == 0, pressed.log()
            assert set(json.loads(output)["targets"]) <= {"alice", "bob"}
            assert (await watcher.wait("door-1/events/ring"))["button"] == "front"
            async with asyncio.timeout(PATIENCE):
                await everything.wait()
            assert (await watcher.wait("door-1/output/door"))["state"] == "off"
        finally:
            await bell.end()
    assert b"\r\nTitle: front at door-1\r\n" in told[0] or b"title: front at door-1" in told[0]
