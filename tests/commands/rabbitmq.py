"""A RabbitMQ of a test's own: Debian's, with its MQTT plugin, on loopback ports."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.free_ports import free_port
from tests.parts import missing

BIN = Path("/usr/lib/rabbitmq/bin")
START_TIMEOUT = 240


class RabbitMq:
    """A context. `port` speaks MQTT 3.1.1."""

    def __init__(self, folder: Path, users: dict[str, str]) -> None:
        """`users` are names and passwords."""
        self._require()
        self.port = free_port()
        self._folder = folder
        # the same folder, as the server sees it
        inside = self._inside(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.environ = {
            **os.environ,
            "HOME": str(inside),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "callbox@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(free_port()),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(inside / "mnesia"),
            "RABBITMQ_LOG_BASE": str(inside / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(inside / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(inside / "rabbitmq.conf"),
            "RABBITMQ_PID_FILE": str(inside / "pid"),
        }
        # Server and rabbitmqctl would each make a cookie of their own where there is none yet.
        cookie = folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(10))
        cookie.chmod(0o400)
        (folder / "plugins").write_text("[rabbitmq_mqtt].\n")
        (folder / "rabbitmq.conf").write_text(
            f"mqtt.listeners.tcp.1 = 127.0.0.1:{self.port}\nmqtt.allow_anonymous = false\n"
            f"load_definitions = {inside}/definitions.json\n"
        )
        entries = [{"name": name, "password": word, "tags": ""} for name, word in users.items()]
        (folder / "definitions.json").write_text(
            json.dumps({"users": entries, "vhosts": [{"name": "/"}]})
        )

    def _require(self) -> None:
        if not (BIN / "rabbitmq-server").exists():
            missing("rabbitmq-server is not installed (apt-get install rabbitmq-server)")

    def _inside(self, folder: Path) -> Path:
        return folder

    def _command(self, program: str) -> list[str]:
        return [str(BIN / program)]

    def __enter__(self) -> Self:
        with (self._folder / "out").open("wb") as out:
            self._process = subprocess.Popen(
                self._command("rabbitmq-server"),
                env=self.environ,
                # where it leaves what it was doing when it is killed
                cwd=self._folder,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            # `await_startup` gives up at once while the node has not yet registered its name.
            self.control("wait", "--timeout", str(START_TIMEOUT), self.environ["RABBITMQ_PID_FILE"])
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.control("stop")
        finally:
            self._end()

    def _end(self) -> None:
        """End the server, however far it came, and the name service that it started."""
        assert self._process is not None
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
        epmd = shutil.which("epmd")
        if epmd is not None:
            subprocess.run(
                [epmd, "-port", self.environ["ERL_EPMD_PORT"], "-kill"],
                env=self.environ,
                capture_output=True,
                check=False,
            )

    def control(self, *arguments: str) -> None:
        """rabbitmqctl. Raises CalledProcessError."""
        subprocess.run(
            [*self._command("rabbitmqctl"), "-q", *arguments],
            env=self.environ,
            check=True,
            capture_output=True,
            timeout=START_TIMEOUT + 10,
        )
