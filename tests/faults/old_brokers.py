"""Brokers that speak MQTT 3.1.1 alone: aedes (npm) and amqtt (PyPI), each installed once, in a
folder of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.foreign.stack import install, prepared
from tests.parts import require_part
from tests.waiting import PATIENCE, until_listening

AEDES = "aedes@1"
AMQTT = "amqtt>=0.11,<1"
_AEDES = """
import net from "node:net";
import { Aedes } from "aedes";
const broker = await Aedes.createBroker();
net.createServer(broker.handle).listen(Number(process.argv[1]), "127.0.0.1");
"""
_AMQTT = """
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


def aedes(_folder: Path, port: int) -> tuple[list[str], Path]:
    npm, node = require_part("npm"), require_part("node", "nodejs")
    with prepared("aedes") as place:
        if not (place / "node_modules" / "aedes").exists():
            (place / "package.json").write_text('{"private": true}\n')
            quietly = ("--no-audit", "--no-fund", "--no-package-lock")
            install([npm, "install", *quietly, AEDES], place)
        return [node, "--input-type=module", "--eval", _AEDES, str(port)], place


def amqtt(folder: Path, port: int) -> tuple[list[str], Path]:
    with prepared("amqtt") as place:
        program = place / "bin" / "amqtt"
        if not program.exists():
            install([sys.executable, "-m", "venv", str(place)], place)
            install([str(place / "bin" / "pip"), "install", "--quiet", AMQTT], place)
    config = folder / "amqtt.yaml"
    config.write_text(_AMQTT.format(port=port))
    return [str(program), "-c", str(config)], folder


Kind = Callable[[Path, int], tuple[list[str], Path]]
OLD_BROKERS: dict[str, Kind] = {"aedes": aedes, "amqtt": amqtt}


class OldBroker:
    """A context, on the port `port`."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        command, place = OLD_BROKERS[name](folder, port)
        log = folder / f"{name}.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, cwd=place, stdout=output, stderr=output)
        try:
            until_listening(self._process, port)
        except RuntimeError as error:
            raise RuntimeError(f"{name} did not start: {log.read_text()}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Idempotent."""
        self._process.kill()
        self._process.wait(PATIENCE)
