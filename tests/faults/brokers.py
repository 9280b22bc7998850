"""The demo's embedded broker, in mosquitto's place."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from agent.commands import demo
from tests.conftest import Mosquitto

START_TIMEOUT = 30.0  # seconds


class Iotcore(Mosquitto):
    """As `Mosquitto`, on the port that it would have had."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._command, _ = demo._embedded(folder, self.port)

    def start(self) -> None:
        with (self._folder / f"mosquitto-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection((self.host, self.port), 1).close()
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"iotcore did not start: {self.log()}") from error
                time.sleep(0.02)
            else:
                return
