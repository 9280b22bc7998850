"""The lines with which README and docs/getting-started.md install callbox, run as they stand."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.systemd.conftest import ROOT, build_package, wheelhouse
from tests.systemd.device import UNIT, Device
from tests.systemd.machine import Machine

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(600)]

README = ROOT / "README.md"
GETTING_STARTED = ROOT / "docs/getting-started.md"
# to the questions of `callbox init`; without a user name there is no password to ask for
ANSWERS = "door-1\nmqtt://127.0.0.1\n\npattern\nfront-desk\nn\n"
PIP_CONFIGURATION = "[global]\nno-index = true\nfind-links = /srv/wheels\n"


def lines_of(paper: Path, first: str) -> list[str]:
    """The commands of the block that begins with `first`, without what is said beside them."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", paper.read_text(), re.DOTALL | re.MULTILINE)
    (block,) = (each for each in blocks if each.startswith(first))
    return [re.sub(r"\s+#.*", "", line) for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def checkout(
    suite: str, builder: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A machine on which somebody has built the package and the wheel, in /mnt/dist."""
    folder = tmp_path_factory.mktemp(suite)
    (folder / "dist").mkdir()
    shutil.copy(build_package(builder, suite, "amd64"), folder / "dist")
    shutil.copy(builder.build_wheel(folder), folder / "dist")
    with Machine(suite, folder, binds={"/srv/wheels": wheelhouse(builder, suite)}) as machine:
        # in place of the network
        machine.write("/etc/pip.conf", PIP_CONFIGURATION)
        yield machine


def typed(machine: Machine, line: str) -> str:
    """What it prints, in the checkout's folder. Raises AssertionError where it fails."""
    answers = ANSWERS if line == "sudo callbox init" else None
    return machine.run("bash", "-ec", f"cd /mnt; {line}", text=answers)


def on_line(machine: Machine) -> None:
    device = Device(machine)
    machine.wait(lambda: device.status()["broker_connected"], "the device is on line")


def test_lines_for_the_package(checkout: Machine) -> None:
    """The first line has been typed: it needs the network."""
    build, *lines = lines_of(README, "make deb")
    assert build == "make deb"
    assert lines == lines_of(GETTING_STARTED, "sudo apt install ./dist")[: len(lines)]
    *install, watch = lines
    for line in install:
        typed(checkout, line)
    on_line(checkout)
    # --watch has no end
    assert watch.endswith(" --watch")
    assert "door-1" in typed(checkout, watch.removesuffix(" --watch"))
    (doctor,) = lines_of(GETTING_STARTED, "sudo apt install ./dist")[len(lines) :]
    # shorter than twenty seconds; it is not 0, as there is no card
    told = checkout.start("bash", "-c", doctor.replace("--camera", "--camera --seconds 6")).stdout
    assert "Traceback" not in told
    assert re.search(r"ok +broker", told), told
    assert re.search(r"ok +opened", told), told


def test_lines_without_a_package(checkout: Machine) -> None:
    """A virtual environment has the service as well, sandbox and all, and gives it back."""
    build, *lines = lines_of(GETTING_STARTED, "make wheel")
    assert build == "make wheel"
    # of the test before
    checkout.run("dpkg", "--purge", "callbox")
    for line in lines:
        typed(checkout, line)
    on_line(checkout)
    assert checkout.run("systemd-analyze", "verify", UNIT) == ""
    device = Device.configure(checkout)
    device.machine.run("systemctl", "restart", UNIT)
    call = device.call(seconds=60)
    try:
        device.wait_in_call()
        # once more, as after an upgrade: what runs is restarted, what was written stays
        pid = device.main_pid
        assert "/etc/callbox/" not in typed(checkout, "sudo callbox service install")
        checkout.wait(lambda: device.active and device.main_pid != pid, "it runs anew")
    finally:
        checkout.end(call)
    typed(checkout, "sudo callbox service remove")
    assert checkout.start("systemctl", "is-active", UNIT).stdout.strip() == "inactive"
    assert not checkout.inside(f"/etc/systemd/system/{UNIT}").exists()
    assert not checkout.inside("/usr/local/bin/callbox").exists()
