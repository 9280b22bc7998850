"""A small Debian in a container, with a real systemd as its first process.

Its file system is made once for each suite and kept in the user's cache; what a test changes lies
on top of it, in memory, and is gone afterwards.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from tests.parts import find_part
from tests.waiting import PATIENCE

PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "python3",
    "python3-systemd",
    "python3-venv",
    # what Ansible's apt asks on the device
    "python3-apt",
    "sudo",
    "iproute2",
    "mosquitto",
)
DEPENDENCIES = ("base-files", "python3", "libc6", "libgcc-s1", "libstdc++6", "zlib1g")
# of the only interface; ICE offers no loopback address where there is another
ADDRESS = "203.0.113.1"
BOOT_TIMEOUT = 180.0
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "callbox"


def root_filesystem(
    suite: str, arch: str = "amd64", packages: tuple[str, ...] | None = None
) -> Path:
    """A directory with Debian in it, made on first use. Raises CalledProcessError where no archive
    can be reached.

    One for arm64 has only what the package depends on, and is only unpacked: its programs cannot
    run here to set it up.
    """
    packages = packages or (PACKAGES if arch == "amd64" else DEPENDENCIES)
    variant = "minbase" if arch == "amd64" else "extract"
    key = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:8]
    target = CACHE / f"rootfs-{suite}-{arch}-{key}"
    if target.is_dir():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=CACHE))
    try:
        options = [
            f"--variant={variant}",
            f"--architectures={arch}",
            f"--include={','.join(packages)}",
        ]
        subprocess.run(["mmdebstrap", "--quiet", *options, suite, building, *_mirror()], check=True)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def _mirror() -> list[str]:
    """The archive that this machine uses itself; mmdebstrap's own choice where that is not
    Debian's.
    """
    command = [
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
        "Component: main",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return [uri for uri in found if uri.rstrip("/").endswith("/debian")][:1]


class Machine:
    """A booted container without a network. Commands run in it as root; `folder` is its /mnt.

    `further` packages make a file system of their own; `binds` are folders by where they are seen.
    """

    def __init__(
        self,
        suite: str,
        folder: Path,
        *,
        further: tuple[str, ...] = (),
        binds: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        self.suite = suite
        self._root = root_filesystem(suite, packages=(*PACKAGES, *further))
        self._binds = binds
        self.folder = folder
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    @property
    def leader(self) -> int:
        """Its first process, seen from here."""
        return self._leader

    @property
    def systemd_version(self) -> int:
        return int(self.run("systemctl", "--version").split()[1])

    def __enter__(self) -> Self:
        command = [
            *(
                find_part("systemd-nspawn") or "systemd-nspawn",
                "--quiet",
                f"--directory={self._root}",
            ),
            *(
                "--volatile=overlay",
                "--boot",
                "--private-network",
                "--register=no",
                "--keep-unit",
                "--link-journal=no",
            ),
            *(
                "--console=pipe",
                "--kill-signal=SIGRTMIN+3",
                f"--machine=callbox-{self.suite}-{os.getpid()}-{id(self)}",
            ),
            f"--bind-ro={self.folder}:/mnt",
            *(f"--bind-ro={outside}:{inside}" for inside, outside in self._binds.items()),
        ]
        with (self.folder / "nspawn.log").open("wb") as log:
            self._nspawn = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            self.wait(self._booted, "the container has booted", BOOT_TIMEOUT)
            self.run("ip", "link", "set", "lo", "up")
            self.run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
        except BaseException:
            self._shut_down()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._shut_down()

    def run(self, *command: str, check: bool = True, text: str | None = None) -> str:
        """What the command prints, standard error included. With `check`, raises AssertionError
        where it fails.
        """
        done = self.start(*command, text=text)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return done.stdout

    def start(self, *command: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """The command, once it has ended, whatever it returned."""
        return subprocess.run(
            self.command(*command),
            input=text or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def popen(self, *command: str) -> subprocess.Popen[str]:
        """The command, running."""
        return subprocess.Popen(
            self.command(*command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def interrupt(process: subprocess.Popen[str]) -> None:
        """Ctrl-C for what `popen` started."""
        for child in _children(process.pid):
            _signal(child, signal.SIGINT)

    @staticmethod
    def end(process: subprocess.Popen[str]) -> None:
        """End what `popen` started, and all that it started in the container."""
        for child in _children(process.pid):
            _signal(child, signal.SIGKILL)
        process.kill()
        process.communicate(timeout=PATIENCE)

    def command(self, *command: str) -> list[str]:
        inside = [
            "env",
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C.UTF-8",
        ]
        return ["nsenter", f"--target={self._leader}", "--all", "--", *inside, *command]

    def inside(self, path: str) -> Path:
        """A file of the container, seen from here."""
        return Path(f"/proc/{self._leader}/root{path}")

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        self.run("install", "-D", f"--mode={mode}", "/dev/stdin", path, text=text)

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Properties of a unit."""
        lines = self.run(
            "systemctl", "show", unit, f"--property={','.join(properties)}"
        ).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """Entries with all their fields, oldest first."""
        lines = self.run("journalctl", "--quiet", "--output=json", "--all", *matches).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait(self, condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> float:
        """Seconds until `condition` was true. Raises AssertionError where that takes too long."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > timeout:
                raise AssertionError(f"not within {timeout:g} s: {what}\n{self._log()}")
            time.sleep(0.02)
        return time.monotonic() - began

    def _booted(self) -> bool:
        if self._nspawn is None or self._nspawn.poll() is not None:
            raise AssertionError(f"the container ended while booting\n{self._log()}")
        if not self._leader:
            self._leader = _child_of(self._nspawn.pid)
            return False
        state = self.start("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded")

    def _shut_down(self) -> None:
        if self._nspawn is None:
            return
        nspawn, self._nspawn = self._nspawn, None
        if self._leader:
            _signal(self._leader, signal.SIGRTMIN + 3)
        try:
            nspawn.wait(20)
        except subprocess.TimeoutExpired:
            if self._leader:
                _signal(self._leader, signal.SIGKILL)
            nspawn.kill()
            nspawn.wait(PATIENCE)

    def _log(self) -> str:
        return (self.folder / "nspawn.log").read_text(errors="replace")[-4000:]


def _child_of(process: int) -> int:
    """The first child that has become systemd; 0 while there is none."""
    try:
        return next(
            (
                child
                for child in _children(process)
                if Path(f"/proc/{child}/comm").read_text() == "systemd\n"
            ),
            0,
        )
    except OSError:
        return 0


def _children(process: int) -> list[int]:
    try:
        return [
            int(child)
            for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()
        ]
    except OSError:
        return []


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return
