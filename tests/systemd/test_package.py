"""The Debian package: what it holds, and what installing, upgrading, removing and purging leave
behind.
"""

from __future__ import annotations

import gzip
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


def test_papers(package: Path, tmp_path: Path) -> None:
    """Copyright with third-party notices, changelogs, the manual page, the completion."""
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    documents = tmp_path / "usr/share/doc/callbox"
    copyright_file = (documents / "copyright").read_text()
    assert "MIT License" in copyright_file
    for name in ("aiortc", "cryptography", "MQTT.js", "libx264: GPL-2.0-or-later"):
        assert name in copyright_file
    changelog = gzip.decompress((documents / "changelog.Debian.gz").read_bytes()).decode()
    assert changelog.startswith(f"callbox ({field(package, 'Version')}) ")
    assert changelog.splitlines()[-1].startswith(f" -- {field(package, 'Maintainer')}  ")
    assert "@" in field(package, "Maintainer")
    assert "localhost" not in field(package, "Maintainer")
    assert b"# Changelog" in gzip.decompress((documents / "changelog.gz").read_bytes())
    page = gzip.decompress((tmp_path / "usr/share/man/man1/callbox.1.gz").read_bytes())
    assert b".SS callbox policy explain" in page
    completion = (tmp_path / "usr/share/bash-completion/completions/callbox").read_text()
    assert "complete -o filenames -F _callbox callbox" in completion


def test_nothing_is_a_conffile(package: Path, tmp_path: Path) -> None:
    """So that no upgrade asks about what `callbox init` has written."""
    subprocess.run(["dpkg-deb", "--control", package, tmp_path], check=True)
    assert not (tmp_path / "conffiles").exists()
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path / "tree"], check=True)
    assert not (tmp_path / "tree/etc").exists()


@pytest.mark.further_case
def test_lintian_finds_nothing(builder: ModuleType) -> None:
    lintian = require_part("lintian", "lintian")
    package = build_package(builder, SUITES[0], "amd64")
    # the tests' package is built so, in a third of the time; `make deb` compresses
    uncompressed = [f"uses-no-compression-for-{part}-tarball" for part in ("control", "data")]
    options = ["--fail-on", "error,warning", "--suppress-tags", ",".join(uncompressed)]
    done = subprocess.run(
        [lintian, *options, "--no-tag-display-limit", package],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("os_release", "suite"),
    [("VERSION_CODENAME=trixie", "trixie"), ('VERSION_CODENAME="bookworm"', "bookworm")],
)
def test_suite_of_this_machine(
    builder: ModuleType, tmp_path: Path, os_release: str, suite: str
) -> None:
    (tmp_path / "os-release").write_text(f"ID=debian\n{os_release}\n")
    assert builder.this_suite(tmp_path / "os-release") == suite


def test_suite_of_another_system_is_told(builder: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text('PRETTY_NAME="Fedora 43"\n')
    with pytest.raises(builder.BuildError, match=r"Fedora 43.*make deb SUITE="):
        builder.this_suite(tmp_path / "os-release")


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


def with_conffiles(package: Path, folder: Path) -> Path:
    """The same package as earlier ones were, in a lower version: the settings are conffiles."""
    tree = folder / "older"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", "Version: 0.0.1~"))
    names = ("callbox.toml", "policy.toml")
    (tree / "etc/callbox").mkdir(parents=True)
    for name in names:
        sample = tree / "usr/share/callbox/samples" / name
        # another text than that of the version that comes
        (tree / "etc/callbox" / name).write_text("# earlier\n" + sample.read_text())
    (tree / "DEBIAN/conffiles").write_text("".join(f"/etc/callbox/{name}\n" for name in names))
    built = folder / "older.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, built],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    shutil.rmtree(tree)
    return built


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


def test_upgrade_of_what_init_has_written_asks_nothing(
    machine: Machine, suite: str, builder: ModuleType
) -> None:
    package = build_package(builder, suite, "amd64")
    with_conffiles(package, machine.folder)
    shutil.copy(package, machine.folder / "now.deb")
    machine.run("dpkg", "--install", "/mnt/older.deb")
    machine.run(
        *("callbox", "init", "--uid", "door-1", "--broker", "mqtt://127.0.0.1", "--force"),
        *("--username", "", "--camera", "auto", "--callers", "front-desk"),
    )
    written = machine.run("cat", "/etc/callbox/policy.toml")
    # no terminal, and nobody at it
    machine.run("sh", "-c", "dpkg --install /mnt/now.deb < /dev/null")
    assert machine.run("cat", "/etc/callbox/policy.toml") == written
    assert machine.run("cat", "/etc/callbox/callbox.toml").startswith("# earlier")
    assert machine.run("callbox", "check").strip() == "The settings and the policy are fine."

    # purged while something still runs as its user
    machine.run("systemd-run", "--unit=lingering", "--uid=callbox", "sleep", "1000")
    machine.run("dpkg", "--purge", "callbox")
    assert "callbox" not in machine.run("dpkg-query", "--list").split()
    machine.run("systemctl", "stop", "lingering")
    assert not machine.inside("/etc/callbox").exists()
