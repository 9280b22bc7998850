"""The fleet's collector as a service beside a device."""

from __future__ import annotations

import json

import pytest

from tests.systemd.device import PASSWORD, Device

pytestmark = [pytest.mark.systemd]

COLLECTOR = "callbox-collector.service"
PATIENCE = 120.0  # seconds
FILE = "/etc/callbox-collector/collector.toml"


def test_collector_is_installed_and_not_enabled(device: Device) -> None:
    machine = device.machine
    assert machine.start("systemctl", "is-enabled", COLLECTOR).stdout.strip() == "disabled"
    assert machine.run("systemd-analyze", "verify", COLLECTOR) == ""
    machine.run("systemd-analyze", "security", "--no-pager", "--threshold=13", COLLECTOR)


def test_collector_keeps_what_the_device_says(device: Device) -> None:
    machine = device.machine
    machine.write(FILE, '[mqtt]\nusername = "door-1"\n')
    machine.write("/etc/callbox-collector/credentials/mqtt/password", PASSWORD, "0600")
    # Type=notify: this returns when it is ready
    machine.run("systemctl", "start", COLLECTOR)
    device.start()

    def known() -> bool:
        found = machine.start("callbox", "fleet", "devices", "--json", "--config", FILE)
        # it logs in with the credential, which is root's and the unit's alone
        return found.returncode == 0 and any(
            each["device"] == "door-1" and each["state"] == "online"
            for each in json.loads(found.stdout)
        )

    def back() -> bool:
        properties = machine.show(COLLECTOR, "NRestarts", "ActiveState")
        return properties == {"NRestarts": "1", "ActiveState": "active"}

    try:
        machine.wait(known, "the collector knows the device", PATIENCE)
        state = machine.run("stat", "--format=%U %a", "/var/lib/callbox-collector/fleet.db")
        assert state.strip() == "callbox-collector 600"
        machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", COLLECTOR)
        machine.wait(back, "it is started again", PATIENCE)
        assert machine.show(COLLECTOR, "StatusText")["StatusText"]
    finally:
        machine.run("systemctl", "stop", COLLECTOR)
    assert machine.show(COLLECTOR, "Result")["Result"] == "success"


def test_collector_of_a_bad_file_says_so_and_stays_down(device: Device) -> None:
    machine = device.machine
    machine.write(FILE, "retention = 0\n")
    machine.start("systemctl", "start", COLLECTOR)
    machine.wait(
        lambda: machine.show(COLLECTOR, "ActiveState")["ActiveState"] == "failed",
        "it is down",
        PATIENCE,
    )
    assert machine.show(COLLECTOR, "ExecMainStatus")["ExecMainStatus"] == "78"
    lines = [entry.get("MESSAGE", "") for entry in machine.journal("--unit", COLLECTOR)]
    assert any("retention" in str(line) for line in lines)
    machine.run("systemctl", "reset-failed", COLLECTOR)
