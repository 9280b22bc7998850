"""What `callbox service` writes and takes away, below a folder of the test's own. That a real
systemd runs it is shown in tests/systemd/test_install_lines.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.commands.service_setup import UNSEEN, Installation, ServiceSetup, run_command
from agent.errors import ConfigurationError

ROOT = Path(__file__).parent.parent.parent


class System:
    """A root directory, and the commands that would have been run."""

    def __init__(self, folder: Path, version: int = 257) -> None:
        self.root = folder / "root"
        self.version = version
        self.commands: list[tuple[str, ...]] = []
        venv = Path("/usr/local/lib/callbox")
        self.here = Installation(venv / "bin/callbox", Path("/usr/bin/python3.13"), ROOT / "agent")

    def run(self, *command: str) -> str:
        self.commands.append(command)
        if command[:2] == ("systemd-tmpfiles", "--create"):
            for name in ("callbox", "callbox-collector"):
                (self.root / "etc" / name).mkdir(parents=True, exist_ok=True)
        return f"systemd {self.version} (257)\n" if command[1] == "--version" else ""

    @property
    def setup(self) -> ServiceSetup:
        return ServiceSetup(self.here, self.root, self.run)

    def files(self) -> set[str]:
        found = (each for each in self.root.rglob("*") if not each.is_dir())
        return {each.relative_to(self.root).as_posix() for each in found}

    def read(self, name: str) -> str:
        return (self.root / name).read_text()


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.chown", lambda *_, **__: None)
    monkeypatch.setattr(Installation, "faults", lambda _: iter(()))
    return System(tmp_path)


def test_install_writes_units_for_this_callbox(system: System) -> None:
    [*system.setup.install()]
    unit = system.read("etc/systemd/system/callbox.service")
    assert "ExecStart=/usr/local/lib/callbox/bin/callbox run" in unit
    collector = system.read("etc/systemd/system/callbox-collector.service")
    assert "ExecStart=/usr/local/lib/callbox/bin/callbox collect" in collector
    # all else stays as the package has it
    packaged = (ROOT / "systemd/callbox.service").read_text()
    assert unit.replace("/usr/local/lib/callbox/bin/callbox", "/usr/bin/callbox") == packaged
    assert system.read("etc/callbox/policy.toml").startswith("# Who may call.")
    for command in (
        ("systemd-sysusers", "callbox.conf"),
        ("systemd-tmpfiles", "--create", "callbox.conf"),
        ("systemctl", "daemon-reload"),
    ):
        assert command in system.commands
    link = system.root / "usr/local/bin/callbox"
    assert link.readlink() == system.here.program


@pytest.mark.parametrize(("version", "modern"), [(252, False), (254, True)])
def test_install_knows_which_systemd_it_is(system: System, version: int, modern: bool) -> None:
    system.version = version
    [*system.setup.install()]
    drop_in = "etc/systemd/system/callbox.service.d/50-systemd-254.conf"
    assert (drop_in in system.files()) is modern


def test_install_lets_the_service_run_what_lies_outside_usr(system: System) -> None:
    system.here = Installation(
        Path("/opt/pipx/venvs/callbox/bin/callbox"), Path("/usr/bin/python3"), ROOT / "agent"
    )
    [*system.setup.install()]
    for unit in ("callbox", "callbox-collector"):
        drop_in = system.read(f"etc/systemd/system/{unit}.service.d/10-installed.conf")
        assert drop_in.splitlines()[1:] == ["[Service]", "ExecPaths=/opt/pipx/venvs/callbox"]


def test_install_again_keeps_what_people_have_written(system: System) -> None:
    [*system.setup.install()]
    (system.root / "etc/callbox/policy.toml").write_text("# mine\n")
    told = [*system.setup.install()]
    assert system.read("etc/callbox/policy.toml") == "# mine\n"
    assert not [line for line in told if "policy.toml" in line]


def test_remove_takes_away_what_install_has_written(system: System) -> None:
    [*system.setup.install()]
    mine = "etc/systemd/system/callbox.service.d/override.conf"
    (system.root / mine).write_text("[Service]\nNice=0\n")
    told = [*system.setup.remove()]
    assert system.files() == {
        mine,
        "etc/callbox/callbox.toml",
        "etc/callbox/policy.toml",
        "etc/callbox-collector/collector.toml",
    }
    assert len(told) == 6
    stop = ("systemctl", "disable", "--now", "callbox.service", "callbox-collector.service")
    assert stop in system.commands


def test_install_beside_the_package_is_refused(system: System) -> None:
    unit = system.root / "usr/lib/systemd/system/callbox.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    with pytest.raises(ConfigurationError, match="the Debian package is installed"):
        [*system.setup.install()]
    assert system.files() == {"usr/lib/systemd/system/callbox.service"}


def test_install_by_somebody_else_than_root_is_refused(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ConfigurationError, match="as root"):
        [*system.setup.install()]
    assert system.files() == set()


def test_installation_that_the_service_cannot_see_is_a_fault(tmp_path: Path) -> None:
    program = tmp_path / "callbox"
    program.touch()
    there = Path("/usr/lib/python3/agent")
    assert [*Installation(Path("/bin/sh"), Path("/usr/bin/python3"), there).faults()] == []
    for unseen in UNSEEN:
        for installation in (
            Installation(Path("/bin/sh"), Path(unseen, "venv/bin/python3"), there),
            Installation(Path("/bin/sh"), Path("/usr/bin/python3"), Path(unseen, "callbox/agent")),
        ):
            (fault,) = installation.faults()
            assert "the service sees no home" in fault
    (fault,) = Installation(Path("/opt/none/callbox"), Path("/usr/bin/python3"), there).faults()
    assert fault.startswith("/opt/none/callbox is not there")


def test_installation_finds_the_unit_files_of_a_wheel(tmp_path: Path) -> None:
    (tmp_path / "agent/systemd").mkdir(parents=True)
    here = Installation(Path("/bin/sh"), Path("/usr/bin/python3"), tmp_path / "agent")
    assert here.unit_files == tmp_path / "agent/systemd"
    (tmp_path / "agent/systemd").rmdir()
    assert here.unit_files == tmp_path / "systemd"


def test_run_command_names_what_fails() -> None:
    assert run_command("echo", "hello") == "hello\n"
    with pytest.raises(ConfigurationError, match=r"^ls /none: .*No such file"):
        run_command("ls", "/none")
    with pytest.raises(ConfigurationError, match="no-such-program is not there"):
        run_command("no-such-program")
