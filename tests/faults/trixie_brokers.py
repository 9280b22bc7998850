"""The brokers of Debian 13, in a file system of its own: RabbitMQ 4 speaks MQTT 5, and mosquitto
2.0.21 says whom it throws out.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.commands.rabbitmq import BIN, RabbitMq
from tests.conftest import Mosquitto
from tests.parts import find_part, missing
from tests.systemd.machine import root_filesystem
from tests.waiting import until_listening

PACKAGES = ("mosquitto", "rabbitmq-server")
_ENTER = (
    'mount -t proc proc "$1/proc" && mount --bind "$2" "$1/mnt" && '
    'touch "$1/etc/hosts" && mount --bind /etc/hosts "$1/etc/hosts" && '
    'root="$1" && shift 2 && exec chroot "$root" "$@"'
)


def within(root: Path, folder: Path, *command: str) -> list[str]:
    """`command` in the file system `root`, which sees `folder` as /mnt."""
    return ["unshare", "--mount", "sh", "-ec", _ENTER, "sh", str(root), str(folder), *command]


def trixie() -> Path:
    if os.geteuid() != 0 or find_part("mmdebstrap") is None or find_part("unshare") is None:
        missing("a file system of Debian 13 needs root, mmdebstrap and unshare")
    return root_filesystem("trixie", packages=PACKAGES)


class TrixieRabbitMq(RabbitMq):
    """`port` speaks MQTT 5."""

    def _require(self) -> None:
        self._root = trixie()

    def _inside(self, folder: Path) -> Path:
        return Path("/mnt")

    def _command(self, program: str) -> list[str]:
        return within(self._root, self._folder, str(BIN / program))


class TrixieMosquitto(Mosquitto):
    def start(self) -> None:
        command = ["/usr/sbin/mosquitto", "-v", "-c", f"/mnt/{self._config.name}"]
        with (self._folder / f"mosquitto-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                within(trixie(), self._folder, *command), stdout=log, stderr=log
            )
        until_listening(self._process, self.port)
