"""config/examples for many devices: the playbook on three of them, and the user-data of a first
boot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest

from tests.parts import require_part
from tests.systemd.conftest import ROOT, build_package
from tests.systemd.device import UNIT, Device
from tests.systemd.machine import Machine
from tests.systemd.test_package import newer, with_conffiles

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]

EXAMPLES = ROOT / "config/examples"
NAMES = ("door-1", "door-2", "door-3")
# what Ansible of either suite of the machine that tests can reach
SUITE = "bookworm"
FIRST_BOOT = "trixie"


class Fleet:
    """A folder with the example's playbooks, and containers for the devices of its inventory."""

    def __init__(self, folder: Path, machines: dict[str, Machine]) -> None:
        self.folder = folder
        self.machines = machines
        hosts = "".join(f"{name} ansible_host={each.leader}\n" for name, each in machines.items())
        # what only this site has is said beside the example's own inventory
        (folder / "site.ini").write_text(
            f"[devices]\n{hosts}[devices:vars]\nansible_connection=container\n"
            "ansible_python_interpreter=/usr/bin/python3\nansible_become=false\n"
        )

    def play(self, book: str, *options: str) -> str:
        """What Ansible says. Raises AssertionError where a device failed."""
        done = subprocess.run(
            [
                require_part("ansible-playbook", "ansible-core"),
                *("-i", "inventory.ini", "-i", "site.ini"),
                *options,
                book,
            ],
            cwd=self.folder,
            env={
                **os.environ,
                "ANSIBLE_CONNECTION_PLUGINS": str(Path(__file__).with_name("ansible_connection")),
                "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
                "ANSIBLE_NOCOLOR": "1",
                "LC_ALL": "C.UTF-8",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def deploy(self, package: Path) -> str:
        site = f"callbox_deb={package} callbox_broker=127.0.0.1 callbox_camera=pattern"
        return self.play("callbox.yml", f"--extra-vars={site}")


def started(folder: Path, stack: ExitStack) -> Fleet:
    shutil.copytree(EXAMPLES / "ansible", folder, dirs_exist_ok=True)
    machines = {}
    for name in NAMES:
        (folder / f"mnt-{name}").mkdir()
        machines[name] = stack.enter_context(Machine(SUITE, folder / f"mnt-{name}"))
    return Fleet(folder, machines)


@pytest.fixture
def fleet(tmp_path: Path, container_tools: None) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield started(tmp_path, stack)


@pytest.mark.parametrize("book", ["callbox.yml", "remove.yml"])
def test_playbook_can_be_read(book: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "ansible", tmp_path, dirs_exist_ok=True)
    Fleet(tmp_path, {}).play(book, "--syntax-check")


@pytest.mark.further_case
def test_playbook_sets_up_upgrades_and_removes(fleet: Fleet, builder: ModuleType) -> None:
    """Without a terminal: from an earlier version, with conffiles, to a newer one."""
    package = build_package(builder, SUITE, "amd64")
    told = fleet.deploy(with_conffiles(package, fleet.folder))
    assert "failed=0" in told
    for name, machine in fleet.machines.items():
        status = Device(machine).status()
        assert (status["uid"], status["broker_connected"]) == (name, True)
        password = machine.inside("/etc/callbox/credentials/mqtt/password")
        assert password.read_text() == (fleet.folder / "passwords" / name).read_text().strip()
    assert len({*(each.read_text() for each in (fleet.folder / "passwords").iterdir())}) == len(
        fleet.machines
    )
    pids = {name: Device(machine).main_pid for name, machine in fleet.machines.items()}

    fleet.deploy(package)
    upgraded = newer(package, fleet.folder)
    fleet.deploy(upgraded)
    for name, machine in fleet.machines.items():
        assert Device(machine).main_pid != pids[name]
        version = machine.run("dpkg-query", "--show", "--showformat=${Version}", "callbox")
        assert version.startswith("9:")
    # and once more: nothing is to be done
    assert fleet.deploy(upgraded).count("changed=0 ") == len(fleet.machines)

    fleet.play("remove.yml")
    for machine in fleet.machines.values():
        assert not machine.inside("/etc/callbox").exists()
        assert not machine.inside("/var/lib/callbox").exists()
        assert "callbox" not in machine.run("getent", "passwd")


@pytest.mark.further_case
def test_first_boot_with_the_user_data(
    tmp_path: Path, container_tools: None, builder: ModuleType
) -> None:
    """cloud-init takes it for valid, and the device is on line by itself."""
    seed, boot, folder = tmp_path / "seed", tmp_path / "boot", tmp_path / "mnt"
    for each in (seed, boot, folder):
        each.mkdir()
    text = (EXAMPLES / "cloud-init/user-data").read_text()
    # the broker is beside it: the container has no network
    (seed / "user-data").write_text(text.replace("broker.lan", "127.0.0.1"))
    (seed / "meta-data").write_text("instance-id: door-1\n")
    shutil.copy(build_package(builder, FIRST_BOOT, "amd64"), boot / "callbox.deb")
    binds = {"/var/lib/cloud/seed/nocloud": seed, "/boot/firmware": boot}
    with Machine(FIRST_BOOT, folder, further=("cloud-init",), binds=binds) as machine:
        (given,) = (f"{inside}/user-data" for inside in binds if inside.endswith("nocloud"))
        machine.run("cloud-init", "schema", "--config-file", given)
        # 2: done, but for package_update, which has no network here
        done = machine.start("cloud-init", "status", "--wait")
        assert (done.returncode in (0, 2), "status: done" in done.stdout) == (True, True)
        device = Device(machine)
        machine.wait(lambda: device.status()["broker_connected"], "the device is on line")
        assert device.status()["uid"] == "door-1"
        assert machine.show(UNIT, "UnitFileState")["UnitFileState"] == "enabled"
        assert not machine.inside("/run/callbox-password").exists()
