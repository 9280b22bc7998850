"""The asking side of the socket of `callbox status`."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from agent.service.status_client import ask, candidates, personal_directory
from agent.service.status_socket import StatusServer
from tests.service.snapshots import snapshot


def test_candidates_are_the_services_and_those_of_this_user(tmp_path: Path) -> None:
    (tmp_path / "callbox").mkdir()
    (tmp_path / "callbox" / "door-1.sock").touch()
    assert candidates({"XDG_RUNTIME_DIR": str(tmp_path)}) == [
        Path("/run/callbox/status.sock"),
        tmp_path / "callbox" / "door-1.sock",
    ]


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


def test_personal_directory_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", none)
    assert personal_directory({}) == Path(f"/tmp/callbox-{os.getuid()}")
