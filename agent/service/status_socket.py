"""The local socket of a device: what it is doing, for `callbox status`, and a button that is
pressed by hand, for `callbox press`. A client sends one JSON line, or nothing, and gets one.

Who may ask is a matter of the file's permissions (0660: the daemon's user and group). What is sent
is one line of REQUEST_SIZE bytes at most, and `{"press": NAME}` is all that is understood: anything
else asks for the status. A client that does not take its line is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.service.status_client import (
    PRESS_TIMEOUT,
    SOCKET_NAME,
    TIMEOUT,
    ask,
    personal_directory,
)
from agent.service.status_snapshot import Snapshot, words

logger = logging.getLogger(__name__)

# bytes
REQUEST_SIZE = 1024
_MAX_CONNECTIONS = 16
# seconds for a client to say what it wants
_REQUEST_TIMEOUT = 1.0

Press = Callable[[str], Awaitable[dict[str, Any]]]
"""Presses the button of that name; what came of it, as JSON has it."""


class StatusServer:
    """Answers on `path` while the context is open. A socket that cannot be had is logged, and is no
    reason to stop. Without `press` there is no button.
    """

    def __init__(
        self, path: Path, look: Callable[[], Snapshot], press: Press | None = None
    ) -> None:
        self._path = path
        self._look = look
        self._press = press
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        try:
            _make_room(self._path)
            self._server = await asyncio.start_unix_server(
                self._answer, self._path, limit=REQUEST_SIZE
            )
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

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= _MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(writer)
        try:
            async with asyncio.timeout(PRESS_TIMEOUT):
                answer = await self._carry_out(await _request(reader))
            async with asyncio.timeout(TIMEOUT):
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError):
            writer.transport.abort()
        finally:
            self._connections.discard(writer)

    async def _carry_out(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request.get("press")
        if not isinstance(name, str):
            return as_json(self._look())
        if self._press is None:
            return {"ok": False, "code": "no_such_button", "message": "this device has no button"}
        return await self._press(name)


async def _request(reader: asyncio.StreamReader) -> dict[str, Any]:
    """What a client wants; nothing where it does not say so in time, or cannot be understood."""
    try:
        async with asyncio.timeout(_REQUEST_TIMEOUT):
            value = json.loads(await reader.readline() or b"{}")
    except (TimeoutError, ValueError):
        # a line that is too long is a ValueError as well
        return {}
    return value if isinstance(value, dict) else {}


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
