"""What the device is doing, for `callbox status`: one JSON line for each connection to a local
socket.

Who may ask is a matter of the file's permissions (0660: the daemon's user and group). Nothing that
is sent to the socket is read, so there is nothing to abuse; a client that does not take its line is
cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.service.status_snapshot import Snapshot, words

logger = logging.getLogger(__name__)

SOCKET_NAME = "status.sock"
RUNTIME_DIRECTORY = Path("/run/callbox")

_MAX_CONNECTIONS = 16
# bytes that a client reads at most
_MAX_ANSWER = 1 << 20
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
# seconds, on both sides
_TIMEOUT = 2.0


class StatusServer:
    """Answers on `path` while the context is open. A socket that cannot be had is logged, and is no
    reason to stop.
    """

    def __init__(self, path: Path, look: Callable[[], Snapshot]) -> None:
        self._path = path
        self._look = look
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        try:
            _make_room(self._path)
            self._server = await asyncio.start_unix_server(self._answer, self._path)
            self._path.chmod(0o660)
        except OSError as error:
            logger.warning(
                "`callbox status` will not work: %s: %s", self._path, error.strerror or error
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for writer in tuple(self._connections):
            writer.transport.abort()
        await server.wait_closed()
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= _MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(writer)
        try:
            async with asyncio.timeout(_TIMEOUT):
                writer.write(json.dumps(as_json(self._look())).encode() + b"\n")
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError):
            writer.transport.abort()
        finally:
            self._connections.discard(writer)


def as_json(now: Snapshot) -> dict[str, Any]:
    """The snapshot as plain values, with its sentence."""
    return {"status": words(now), **dataclasses.asdict(now)}


def socket_path(uid: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the device `uid` listens: systemd's runtime directory, else one of this user's own, a
    file for each uid.
    """
    directory = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return (
        Path(directory) / SOCKET_NAME if directory else personal_directory(environ) / f"{uid}.sock"
    )


def candidates(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Sockets at which a daemon may be found: the service's first, then those of this user's
    own.
    """
    return [RUNTIME_DIRECTORY / SOCKET_NAME, *sorted(personal_directory(environ).glob("*.sock"))]


def personal_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """For a daemon that somebody runs at a terminal."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    return (
        Path(runtime) / "callbox"
        if runtime
        else Path(tempfile.gettempdir()) / f"callbox-{os.getuid()}"
    )


def ask(path: Path) -> dict[str, Any]:
    """What the daemon at `path` is doing. Raises OSError where none answers there, or where another
    user could have put the socket; ValueError for another's answer.
    """
    _require_trusted(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_TIMEOUT)
        sock.connect(str(path))
        answer = b""
        while len(answer) < _MAX_ANSWER and (part := sock.recv(65536)):
            answer += part
    status = json.loads(answer)
    if not isinstance(status, dict) or not status.keys() >= {"uid", "version", "status"}:
        raise ValueError(f"{path}: that is no status")
    return status


def _require_trusted(path: Path) -> None:
    """Raises PermissionError where somebody but root and ourselves may have made the socket.

    The service's directory belongs to its user, and lies where root alone makes directories.
    """
    trusted = (0, os.getuid())
    room = path.parent.lstat()
    if not stat.S_ISDIR(room.st_mode):
        raise PermissionError(1, "its directory is a link")
    if room.st_uid in trusted:
        if room.st_mode & _OTHERS_WRITE and path.lstat().st_uid not in trusted:
            raise PermissionError(1, "it belongs to another user")
        return
    above = path.parent.parent.lstat()
    if above.st_uid != 0 or above.st_mode & _OTHERS_WRITE:
        raise PermissionError(1, "its directory belongs to another user")


def _make_room(path: Path) -> None:
    """A directory that is ours, without the socket of a daemon that is gone. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = path.parent.lstat()
    if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != os.getuid():
        raise PermissionError(1, f"{path.parent} belongs to somebody else")
    if path.is_socket():
        try:
            ask(path)
        except (OSError, ValueError):
            path.unlink()
        else:
            raise FileExistsError(17, "another daemon answers there")
