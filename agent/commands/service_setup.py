"""`callbox service`: systemd's units, their users and directories, and the annotated samples of the
settings, for a callbox that pip or pipx has installed. The Debian package brings all of it itself.
"""

from __future__ import annotations

import grp
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from sysconfig import get_path

import agent
from agent.errors import ConfigurationError

UNITS = ("callbox.service", "callbox-collector.service")
# not on every system; the unit cannot name them
FURTHER_GROUPS = ("render", "gpio")
# where the unit looks for what it runs
_PACKAGED = "ExecStart=/usr/bin/callbox "
# the first version that knows the drop-in's lines
_MODERN_SYSTEMD = 254
# of which the service has none, or one of its own (ProtectHome, PrivateTmp)
UNSEEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - not to write there

Run = Callable[..., str]


def run_command(*command: str) -> str:
    """What it prints. Raises ConfigurationError where it fails, or is not there."""
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise ConfigurationError([f"{command[0]} is not there: the service needs systemd"])
    done = subprocess.run(  # noqa: S603 - words of ours, no shell
        [program, *command[1:]], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ConfigurationError([f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}"])
    return done.stdout


@dataclass(frozen=True, slots=True)
class Installation:
    """Where this callbox is: its command, the interpreter that runs it, and its modules."""

    program: Path = field(default_factory=lambda: Path(get_path("scripts"), "callbox"))
    interpreter: Path = field(default_factory=lambda: Path(sys.executable).resolve())
    modules: Path = field(default_factory=lambda: Path(agent.__file__).parent)

    @property
    def unit_files(self) -> Path:
        """The folder with the project's `systemd/`: beside the modules in a wheel."""
        packed = self.modules / "systemd"
        return packed if packed.is_dir() else self.modules.parent / "systemd"

    def faults(self) -> Iterator[str]:
        """Why the service could not run it."""
        if not self.program.exists():
            yield f"{self.program} is not there: install callbox with pip or pipx, and run that one"
        for path in (self.program, self.interpreter, self.modules):
            if any(path.is_relative_to(each) for each in UNSEEN):
                yield (
                    f"{path}: the service sees no home and none of others' temporary files; "
                    f"install callbox below /usr/local or /opt"
                )

    def runnable(self) -> list[Path]:
        """Folders outside /usr from which the service runs programs and libraries."""
        folders = (self.program.parent.parent, self.interpreter.parent.parent)
        return [each for each in dict.fromkeys(folders) if not each.is_relative_to("/usr")]


@dataclass(frozen=True, slots=True)
class ServiceSetup:
    """Installs and removes the service. `root` is the system's, `run` runs its commands."""

    here: Installation = field(default_factory=Installation)
    root: Path = Path("/")
    run: Run = run_command

    def install(self) -> Iterator[str]:
        """Do it, or do it again after an upgrade; one line for each thing that was made. Raises
        ConfigurationError before anything is changed where it cannot be done.
        """
        if faults := [*self._refusals(), *self.here.faults()]:
            raise ConfigurationError(faults)
        for path, text in self._files().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            yield f"Written: {path}"
        link = self._link()
        if not link.exists() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(self.here.program)
            yield f"Written: {link}"
        self._make_users_and_directories()
        yield from self._write_samples()
        self.run("systemctl", "daemon-reload")
        # those that run go on with what was installed
        self.run("systemctl", "try-restart", *UNITS)

    def remove(self) -> Iterator[str]:
        """Stop both services and take away what `install` has written; settings, records and users
        stay.
        """
        if refusals := [*self._refusals()]:
            raise ConfigurationError(refusals)
        present = [each for each in UNITS if (self._units() / each).exists()]
        if present:
            self.run("systemctl", "disable", "--now", *present)
        ours = [*self._files()]
        if self._link().is_symlink() and self._link().readlink() == self.here.program:
            ours.append(self._link())
        for path in ours:
            # a link whose callbox is gone is there all the same
            if path.exists() or path.is_symlink():
                path.unlink()
                yield f"Removed: {path}"
            # a drop-in of somebody else keeps its folder
            if path.parent.name.endswith(".service.d") and not any(path.parent.iterdir()):
                path.parent.rmdir()
        self.run("systemctl", "daemon-reload")

    def _refusals(self) -> Iterator[str]:
        if os.geteuid() != 0:
            yield "the service is the system's: run this as root (sudo)"
        if (self.root / "usr/lib/systemd/system/callbox.service").exists():
            yield "the Debian package is installed, and it brings the service itself"

    def _units(self) -> Path:
        return self.root / "etc/systemd/system"

    def _link(self) -> Path:
        """So that `sudo callbox` is found."""
        return self.root / "usr/local/bin/callbox"

    def _files(self) -> dict[Path, str]:
        """What is written, by path."""
        source, units = self.here.unit_files, self._units()
        found = {
            self.root / "etc/sysusers.d/callbox.conf": _read(source / "callbox.sysusers"),
            self.root / "etc/tmpfiles.d/callbox.conf": _read(source / "callbox.tmpfiles"),
        }
        for name in UNITS:
            text = _read(source / name)
            found[units / name] = text.replace(_PACKAGED, f"ExecStart={self.here.program} ")
            if folders := self.here.runnable():
                lines = "# where pip has installed it\n[Service]\n" + "".join(
                    f"ExecPaths={folder}\n" for folder in folders
                )
                found[units / f"{name}.d/10-installed.conf"] = lines
        if self._systemd_version() >= _MODERN_SYSTEMD:
            for drop_in in sorted((source / "callbox.service.d").glob("*.conf")):
                found[units / "callbox.service.d" / drop_in.name] = _read(drop_in)
        return found

    def _systemd_version(self) -> int:
        words = self.run("systemctl", "--version").split()
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    def _make_users_and_directories(self) -> None:
        self.run("systemd-sysusers", "callbox.conf")
        for group in FURTHER_GROUPS:
            if _is_group(group):
                self.run("usermod", "--append", "--groups", group, "callbox")
        self.run("systemd-tmpfiles", "--create", "callbox.conf")

    def _write_samples(self) -> Iterator[str]:
        from agent.fleet.collector_settings import collector_sample
        from agent.settings import sample_config, sample_policy

        for path, group, text in (
            (self.root / "etc/callbox/callbox.toml", "callbox", sample_config),
            (self.root / "etc/callbox/policy.toml", "callbox", sample_policy),
            (
                self.root / "etc/callbox-collector/collector.toml",
                "callbox-collector",
                collector_sample,
            ),
        ):
            # a file that was written stays so
            if not path.exists():
                path.write_text(text(), encoding="utf-8")
                path.chmod(0o640)
                shutil.chown(path, group=group)
                yield f"Written: {path}"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _is_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
