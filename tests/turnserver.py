"""coturn on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.free_ports import free_port
from tests.parts import require_part
from tests.waiting import until_listening

USER = "user"
PASSWORD = "pa55word"


class TurnServer:
    def __init__(self, port: int, tls_port: int, process: subprocess.Popen[bytes]) -> None:
        self.port, self.tls_port = port, tls_port
        self._process = process

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def turn_server(
    *,
    secret: str | None = None,
    certificate: tuple[str, str] | None = None,
    relays: str = "127.0.0.1",
) -> Iterator[TurnServer]:
    """It lets in `USER` with `PASSWORD`, or whoever has a time-limited credential made with
    `secret`. Its relays are at the address `relays`.
    """
    port, tls_port = free_port(), free_port()
    arguments = [
        "-n",
        "--no-cli",
        "--listening-ip=127.0.0.1",
        f"--relay-ip={relays}",
        f"--listening-port={port}",
    ]
    arguments += [
        "--realm=test",
        "--allow-loopback-peers",
        "--no-dtls",
        "--pidfile=",
        "--log-file=stdout",
    ]
    arguments += [f"--tls-listening-port={tls_port}"]
    arguments += (
        ["--use-auth-secret", f"--static-auth-secret={secret}"] if secret else ["--lt-cred-mech"]
    )
    arguments += [] if secret else [f"--user={USER}:{PASSWORD}"]
    arguments += (
        [f"--cert={certificate[0]}", f"--pkey={certificate[1]}"] if certificate else ["--no-tls"]
    )
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="turn-"))
        process = subprocess.Popen(
            [
                require_part("turnserver", "coturn"),
                *arguments,
                f"--userdb={Path(folder) / 'turn.db'}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        server = TurnServer(port, tls_port, process)
        stack.callback(server.kill)
        for each in (port, tls_port) if certificate else (port,):
            until_listening(process, each)
        yield server
