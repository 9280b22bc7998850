"""The socket of `callbox status`."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.service import status_client, status_socket
from agent.service.status_client import ask
from agent.service.status_socket import StatusServer, socket_path
from tests.service.snapshots import VIDEO, call, snapshot
from tests.waiting import PATIENCE


async def test_says_what_the_device_is_doing(tmp_path: Path) -> None:
    path = tmp_path / "run" / "status.sock"
    async with StatusServer(path, lambda: snapshot(call(video=VIDEO))):
        status = await asyncio.to_thread(ask, path)
    assert status["status"] == "in a call with front-desk, 1280x720 at 30 fps, 1.9 Mbit/s"
    assert status["calls"][0]["state"] == "established"
    assert status["calls"][0]["video"]["bitrate"] == 1_900_000
    assert not path.exists()


async def test_permissions(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"
    async with StatusServer(path, snapshot):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


async def test_socket_of_a_daemon_that_is_gone_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    async with StatusServer(path, snapshot):
        assert (await asyncio.to_thread(ask, path))["uid"] == "door-1"


async def test_socket_of_a_daemon_that_answers_is_left_to_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "status.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.sendall(b'{"uid": "door-1", "version": "1", "status": "idle"}\n')

        thread = threading.Thread(target=answer)
        thread.start()
        async with StatusServer(path, snapshot):
            thread.join(PATIENCE)
        assert path.exists()
    assert "another daemon answers there" in caplog.text


async def test_directory_that_cannot_be_had_is_no_reason_to_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    async with StatusServer(tmp_path / "file" / "status.sock", snapshot):
        pass
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_what_is_sent_to_it_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"
    async with StatusServer(path, snapshot):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"x" * 1_000_000)
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.transport.abort()
    assert json.loads(line)["uid"] == "door-1"


async def test_press_is_handed_on_with_the_name_of_the_button(tmp_path: Path) -> None:
    async def carry_out(name: str) -> dict[str, Any]:
        return {"ok": True, "button": name}

    path = tmp_path / "status.sock"
    async with StatusServer(path, snapshot, carry_out):
        outcome = await asyncio.to_thread(status_client.press, path, "front")
    assert outcome == {"ok": True, "button": "front"}


async def test_press_of_a_device_without_buttons_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"
    async with StatusServer(path, snapshot):
        outcome = await asyncio.to_thread(status_client.press, path, "front")
    assert (outcome["ok"], outcome["code"]) == (False, "no_such_button")


async def test_client_that_says_nothing_is_told_the_status(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"
    async with StatusServer(path, snapshot):
        reader, writer = await asyncio.open_unix_connection(path)
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()
        await writer.wait_closed()
    assert json.loads(line)["uid"] == "door-1"


async def test_connections_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_socket, "_MAX_CONNECTIONS", 0)
    path = tmp_path / "status.sock"
    async with StatusServer(path, snapshot):
        with pytest.raises((ConnectionError, ValueError)):
            await asyncio.to_thread(ask, path)


def test_paths(tmp_path: Path) -> None:
    assert socket_path("door-1", {"RUNTIME_DIRECTORY": "/run/callbox"}) == Path(
        "/run/callbox/status.sock"
    )
    personal = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert socket_path("door-1", personal) == tmp_path / "callbox" / "door-1.sock"
