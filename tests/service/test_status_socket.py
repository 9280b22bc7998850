"""The socket of `callbox status`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from agent.service import status_socket
from agent.service.status_socket import StatusServer, ask, candidates, socket_path
from tests.service.snapshots import VIDEO, call, snapshot


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
            thread.join(10)
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
        line = await asyncio.wait_for(reader.readline(), 10)
        writer.transport.abort()
    assert json.loads(line)["uid"] == "door-1"


async def test_connections_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_socket, "_MAX_CONNECTIONS", 0)
    path = tmp_path / "status.sock"
    async with StatusServer(path, snapshot):
        with pytest.raises((ConnectionError, ValueError)):
            await asyncio.to_thread(ask, path)


@pytest.mark.parametrize("answer", [b"", b"hello\n", b"[1]\n", b"{}\n", b"\xff"])
async def test_ask_refuses_what_is_no_status(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "other.sock"

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_unix_server(serve, path):
        with pytest.raises(ValueError):  # noqa: PT011 - json's own words
            await asyncio.to_thread(ask, path)


def test_paths(tmp_path: Path) -> None:
    assert socket_path("door-1", {"RUNTIME_DIRECTORY": "/run/callbox"}) == Path(
        "/run/callbox/status.sock"
    )
    personal = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert socket_path("door-1", personal) == tmp_path / "callbox" / "door-1.sock"
    (tmp_path / "callbox").mkdir()
    (tmp_path / "callbox" / "door-1.sock").touch()
    assert candidates(personal) == [
        Path("/run/callbox/status.sock"),
        tmp_path / "callbox" / "door-1.sock",
    ]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
@pytest.mark.parametrize("what", ["directory", "socket"])
def test_ask_leaves_a_socket_of_another_user_alone(tmp_path: Path, what: str) -> None:
    room = tmp_path / "callbox-0"
    room.mkdir()
    tmp_path.chmod(0o777)
    path = room / "a.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        if what == "directory":
            os.chown(room, 65534, 65534)
        else:
            room.chmod(0o777)
            os.chown(path, 65534, 65534)
        with pytest.raises(PermissionError, match="belongs to another user"):
            ask(path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
async def test_ask_takes_the_directory_that_root_made_for_the_service(tmp_path: Path) -> None:
    room = tmp_path / "callbox"
    async with StatusServer(room / "status.sock", snapshot):
        os.chown(room, 65534, 65534)
        assert (await asyncio.to_thread(ask, room / "status.sock"))["uid"] == "door-1"


def test_ask_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(PermissionError, match="link"):
        ask(tmp_path / "link" / "a.sock")
