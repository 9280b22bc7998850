"""The Debian package: what it holds, and what installing, upgrading, removing and purging leave
behind.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

import agent
from tests.parts import require_part
from tests.systemd.conftest import SUITES, build_package
from tests.systemd.device import POLICY, UNIT, Device
from tests.systemd.machine import Machine, root_filesystem

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", params=["amd64", "arm64"])
def arch(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module", params=SUITES)
def package(request: pytest.FixtureRequest, builder: ModuleType, arch: str) -> Path:
    require_part("dpkg-deb", "dpkg")
    return build_package(builder, request.param, arch)


def field(package: Path, name: str) -> str:
    return subprocess.run(
        ["dpkg-deb", "--field", package, name], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_contents(package: Path, arch: str, builder: ModuleType, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    assert field(package, "Architecture") == arch
    builder.check_machine(tmp_path, arch)
    packages = next((tmp_path / "usr/lib/callbox/lib").glob("python3.*/site-packages"))
    assert f"python3 (>= {packages.parent.name.removeprefix('python')}~)" in field(
        package, "Depends"
    )
    present = {path.name.split("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert present >= {
        "callbox",
        "aiortc",
        "av",
        "cryptography",
        "paho_mqtt",
        "pydantic_core",
        "pylibsrtp",
        "typer",
    }
    assert "numpy" not in present, "it would hide the system's, which picamera2 was built with"
    assert "python3-picamera2" in field(package, "Recommends")
    modern = (tmp_path / "usr/lib/systemd/system/callbox.service.d/50-systemd-254.conf").exists()
    assert modern == ("deb13" in package.name)


def test_wrong_machine_is_found(builder: ModuleType, tmp_path: Path) -> None:
    shutil.copy(shutil.which("true") or "/bin/true", tmp_path / "library.so")
    with pytest.raises(builder.BuildError, match=r"library\.so is not for arm64"):
        builder.check_machine(tmp_path, "arm64")
    with pytest.raises(builder.BuildError, match="no compiled files"):
        builder.check_machine(tmp_path / "nothing", "arm64")


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.usefixtures("container_tools")
def test_arm64_package_runs_under_qemu(suite: str, builder: ModuleType, tmp_path: Path) -> None:
    qemu = require_part("qemu-aarch64-static", "qemu-user-static")
    root = tmp_path / "root"
    # devices stay devices
    subprocess.run(["cp", "--archive", root_filesystem(suite, "arm64"), root], check=True)
    subprocess.run(
        ["dpkg-deb", "--extract", build_package(builder, suite, "arm64"), root], check=True
    )
    shutil.copy(qemu, root / "qemu")
    script = (
        "import agent.cli, agent.daemon, agent.media.pattern.pattern_source, platform; "
        "print(platform.machine(), agent.__version__)"
    )
    done = subprocess.run(
        ["chroot", root, "/qemu", "/usr/lib/callbox/bin/python3", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["aarch64", agent.__version__], done.stderr


def newer(package: Path, folder: Path) -> Path:
    """The same package under a higher version."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", "Version: 9:"))
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, folder / "newer.deb"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shutil.rmtree(tree)
    return folder / "newer.deb"


def files(machine: Machine) -> set[str]:
    """Everything there is, without what any package's coming and going leaves."""
    pruned = [
        "/proc",
        "/sys",
        "/dev",
        "/run",
        "/tmp",
        "/mnt",
        "/var/lib/dpkg",
        "/var/log",
        "/var/cache",
        "/var/lib/mosquitto",
    ]
    options = [part for path in pruned for part in ("-path", path, "-prune", "-o")]
    return set(machine.run("find", "/", *options, "-print").splitlines())


def test_install_upgrade_remove_purge(
    machine: Machine, suite: str, builder: ModuleType, tmp_path: Path
) -> None:
    before, users = files(machine), machine.run("getent", "passwd")
    device = Device.install(machine)
    device.start()
    assert "callbox" in machine.run("getent", "passwd")
    assert machine.run("callbox", "check").strip() == "The settings and the policy are fine."

    pid = device.main_pid
    newer(build_package(builder, suite, "amd64"), machine.folder)
    machine.run("dpkg", "--install", "/mnt/newer.deb")
    machine.wait(lambda: device.active and device.main_pid != pid, "the newer version runs")
    assert machine.run("cat", "/etc/callbox/policy.toml") == POLICY
    assert machine.run("dpkg-query", "--show", "--showformat=${Version}", "callbox").startswith(
        "9:"
    )

    machine.run("systemctl", "enable", UNIT)
    machine.run("dpkg", "--remove", "callbox")
    assert machine.start("systemctl", "is-active", UNIT).stdout.strip() == "inactive"
    assert machine.run("cat", "/etc/callbox/policy.toml") == POLICY
    assert not machine.inside("/usr/lib/callbox").exists()

    machine.run("dpkg", "--purge", "callbox")
    device.forget_broker()
    assert files(machine) - before == set()
    assert machine.run("getent", "passwd") == users
    assert "callbox" not in machine.run("getent", "group")
