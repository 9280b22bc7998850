"""The demo's embedded broker, in mosquitto's place."""

from __future__ import annotations

import subprocess
from pathlib import Path

from agent.commands import demo
from tests.conftest import Mosquitto
from tests.waiting import until_listening


class Iotcore(Mosquitto):
    """As `Mosquitto`, on the port that it would have had."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._command, _ = demo._embedded(folder, self.port)

    def start(self) -> None:
        with (self._folder / f"mosquitto-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        try:
            until_listening(self._process, self.port)
        except RuntimeError as error:
            raise RuntimeError(f"iotcore did not start: {self.log()}") from error
