"""callbox as a service in a container, and someone who calls it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Any, Self

from agent.service.status_client import ask
from tests.systemd.machine import Machine
from tests.waiting import PATIENCE

UNIT = "callbox.service"
PASSWORD = "correct horse battery staple"
BROKER = f"mqtt://door-1:{PASSWORD.replace(' ', '%20')}@127.0.0.1"
READY_TIMEOUT = 20.0

SETTINGS = """\
uid = "door-1"
commands = ["close", "reject", "mute", "reload"]
[mqtt]
username = "door-1"
[video]
source = "pattern"
width = 640
height = 360
[audio]
capture = "pattern"
playback = "none"
"""
POLICY = """\
[[rule]]
name = "front desk"
callers = ["front-desk"]
action = "accept"
"""
MOSQUITTO = """\
listener 1883 127.0.0.1
allow_anonymous false
password_file /etc/mosquitto/passwords
"""


@dataclass(slots=True)
class Device:
    """The service under test."""

    machine: Machine

    @classmethod
    def install(cls, machine: Machine) -> Self:
        machine.run("dpkg", "--install", "/mnt/callbox.deb")
        return cls.configure(machine)

    @classmethod
    def configure(cls, machine: Machine) -> Self:
        """Where the service is installed."""
        machine.write("/etc/callbox/conf.d/10-test.toml", SETTINGS)
        machine.write("/etc/callbox/policy.toml", POLICY)
        machine.write("/etc/callbox/credentials/mqtt/password", PASSWORD, "0600")
        machine.write("/etc/mosquitto/conf.d/test.conf", MOSQUITTO)
        machine.run("mosquitto_passwd", "-b", "-c", "/etc/mosquitto/passwords", "door-1", PASSWORD)
        machine.run("chown", "mosquitto", "/etc/mosquitto/passwords")
        machine.run("systemctl", "restart", "mosquitto")
        return cls(machine)

    def forget_broker(self) -> None:
        """Take away what `install` added beside the package."""
        self.machine.run("systemctl", "stop", "mosquitto")
        self.machine.run("rm", "/etc/mosquitto/conf.d/test.conf", "/etc/mosquitto/passwords")

    def show(self, name: str) -> str:
        """One property of the unit."""
        return self.machine.show(UNIT, name)[name]

    @property
    def active(self) -> bool:
        return self.show("ActiveState") == "active"

    @property
    def restarts(self) -> int:
        return int(self.show("NRestarts"))

    @property
    def main_pid(self) -> int:
        return int(self.show("MainPID"))

    def start(self) -> None:
        """Start it where it is not running; returns when it is ready."""
        if self.machine.start("systemctl", "start", UNIT).returncode:
            raise AssertionError("the service does not start:\n" + "\n".join(self.messages()[-40:]))

    def status(self) -> dict[str, Any]:
        """What the daemon answers on its socket."""
        return ask(self.machine.inside("/run/callbox/status.sock"))

    def call(self, seconds: float) -> subprocess.Popen[str]:
        """Somebody calls, and hangs up `seconds` after."""
        options = ("--broker", BROKER, "--uid", "front-desk", "--seconds", str(seconds), "--json")
        return self.machine.popen("callbox", "call", "door-1", *options)

    @staticmethod
    def hang_up(call: subprocess.Popen[str]) -> str:
        """Have the caller hang up. What it has written."""
        Machine.interrupt(call)
        output, errors = call.communicate(timeout=2 * PATIENCE)
        assert call.returncode == 0, errors
        return output

    def wait_in_call(self) -> dict[str, Any]:
        """The status once a call is established and its video has been measured."""

        status: dict[str, Any] = {}

        def in_call() -> bool:
            status.update(self.status())
            return any(call["state"] == "established" and call["video"] for call in status["calls"])

        self.machine.wait(in_call, "a call is established")
        return status

    def wait_restarted(self, before: int, timeout: float) -> float:
        """Seconds until it is ready again after a restart beyond the `before` that there were."""

        def restarted() -> bool:
            properties = self.machine.show(UNIT, "NRestarts", "ActiveState")
            return int(properties["NRestarts"]) > before and properties["ActiveState"] == "active"

        return self.machine.wait(restarted, "the service is back", timeout)

    def kill(self, signal: str) -> None:
        """Send a signal to the daemon."""
        self.machine.run("systemctl", "kill", "--kill-whom=main", f"--signal={signal}", UNIT)

    def messages(self, *matches: str) -> list[str]:
        """What the service said to the journal."""
        entries = self.machine.journal("--unit", UNIT, *matches)
        return [str(entry.get("MESSAGE", "")) for entry in entries]
