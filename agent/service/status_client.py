"""The asking side of a device's local socket (`status_socket`): small, for commands that start
often.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SOCKET_NAME = "status.sock"
RUNTIME_DIRECTORY = Path("/run/callbox")
# seconds, on both sides
TIMEOUT = 2.0
# seconds for what a press comes to
PRESS_TIMEOUT = 10.0
# bytes that a client reads at most
_MAX_ANSWER = 1 << 20
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def candidates(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Sockets at which a daemon may be found: the service's first, then those of this user's
    own.
    """
    return [RUNTIME_DIRECTORY / SOCKET_NAME, *sorted(personal_directory(environ).glob("*.sock"))]


def personal_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """For a daemon that somebody runs at a terminal."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "callbox" if runtime else _temporary() / f"callbox-{os.getuid()}"


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        # nothing can be written anywhere; whoever tries to is told so
        return Path("/tmp")  # noqa: S108 - see _require_trusted


def ask(path: Path) -> dict[str, Any]:
    """What the daemon at `path` is doing. Raises OSError where none answers there, or where another
    user could have put the socket; ValueError for another's answer.
    """
    status = _asked(path, {}, TIMEOUT)
    if not status.keys() >= {"uid", "version", "status"}:
        raise ValueError(f"{path}: that is no status")
    return status


def press(path: Path, name: str) -> dict[str, Any]:
    """Have the daemon at `path` press a button; what came of it. Raises as `ask` does."""
    outcome = _asked(path, {"press": name}, PRESS_TIMEOUT + TIMEOUT)
    if not isinstance(outcome.get("ok"), bool):
        raise ValueError(f"{path}: it knows no buttons")  # noqa: TRY004 - it is another's answer
    return outcome


def _asked(path: Path, request: dict[str, Any], timeout: float) -> dict[str, Any]:
    _require_trusted(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect(str(path))
        if request:
            sock.sendall(json.dumps(request).encode() + b"\n")
        with contextlib.suppress(OSError):
            # it may have answered without a question
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        while len(answer) < _MAX_ANSWER and (part := sock.recv(65536)):
            answer += part
    value = json.loads(answer)
    if not isinstance(value, dict):
        raise ValueError(f"{path}: that is no answer")  # noqa: TRY004 - it is another's answer
    return value


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
