"""A real Home Assistant in a process of its own: no screen, no cloud, on loopback ports of its own.

home = HomeAssistant(installation, folder, Setup(mqtt_port=broker.port))
home.start()
home.call("button", "press", entity_id="button.front_door_answer")
async with home.link() as link:
    await link.state("sensor.front_door_call", "in_call")
home.stop()
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.free_ports import free_port
from tests.homeassistant.installation import Installation
from tests.homeassistant.link import Link
from tests.homeassistant.storage import Setup, write_setup

# seconds: the very first start of an installation compiles what it imports
START_TIMEOUT = 240.0
STOP_TIMEOUT = 60.0
REQUEST_TIMEOUT = 30.0
_LOG_END = 3000


class HomeAssistant:
    """Its state lies in `folder`, so that a restart keeps what it knows."""

    def __init__(
        self, installation: Installation, folder: Path, setup: Setup, *, frontend: bool = False
    ) -> None:
        """`frontend`: with the page itself, which the installation then must have."""
        self.installation = installation
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._frontend = frontend
        self._process: subprocess.Popen[bytes] | None = None
        stored_address = (installation.components / "http" / "config.py").exists()
        self.token = write_setup(folder, setup, self.port, stored_address=stored_address)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return once everything is set up. Raises RuntimeError with the log."""
        command = [str(self.installation.program), "-m", "homeassistant"]
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-c", ".", "--skip-pip", "--log-no-color"],
                # beside a `custom_components` Python would find that one, too
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Home Assistant did not start:\n{self.log()[-_LOG_END:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in good order; it writes its state."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End it without a word, as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def link(self) -> Link:
        """Its WebSocket API: commands, and every state as it changes."""
        return Link(f"ws://127.0.0.1:{self.port}/api/websocket", self.token)

    def log(self) -> str:
        return (self.folder / "output.log").read_text(errors="replace")

    def complaints(self) -> list[str]:
        """Warnings and errors of its log, but the one about pip, which was asked for."""
        lines = [
            line for line in self.log().splitlines() if " WARNING " in line or " ERROR " in line
        ]
        return [line for line in lines if "Skipping pip installation" not in line]

    def request(self, path: str, body: Any = None) -> tuple[str, bytes]:
        """Content type and body of the answer. Raises HTTPError."""
        request = urllib.request.Request(self.address + path)
        request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT) as answer:
            return answer.headers.get_content_type(), answer.read()

    def get(self, path: str) -> Any:
        return json.loads(self.request(path)[1])

    def post(self, path: str, body: Any) -> Any:
        return json.loads(self.request(path, body)[1])

    def call(self, domain: str, service: str, **data: Any) -> Any:
        """An action, by the REST API. Raises HTTPError where Home Assistant refuses it."""
        return self.post(f"/api/services/{domain}/{service}", data)

    def state(self, entity: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.get(f"/api/states/{entity}")
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return None
            raise
        return found

    def states(self) -> dict[str, str]:
        """Entity to state."""
        return {each["entity_id"]: each["state"] for each in self.get("/api/states")}

    def _is_up(self) -> bool:
        with contextlib.suppress(OSError):
            config = self.get("/api/config")
            if config["recovery_mode"] or config.get("safe_mode"):
                raise RuntimeError(f"Home Assistant saves itself:\n{self.log()[-_LOG_END:]}")
            return bool(config["state"] == "RUNNING")
        return False

    def _environment(self) -> dict[str, str]:
        """Without what another Python was told: no bytecode would make a start take longer."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PYTHON") and name != "VIRTUAL_ENV"
        }
        kept["LD_LIBRARY_PATH"] = str(self.installation.libraries)
        if self._frontend:
            kept["PYTHONPATH"] = str(self.installation.frontend)
        return kept
