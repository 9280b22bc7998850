"""The Debian 13 that the tests in `inside` run in: built once into the user's cache, entered once
for each run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Mosquitto
from tests.parts import find_part

ROOT = Path(__file__).parents[2]
BUILDER = Path(__file__).with_name("build_chroot.sh")
INSIDE = os.environ.get("INSIDE_CAMERA_CHROOT") == "1"
"""Whether this process is the one in the chroot."""

# seconds; a slow mirror
_BUILD_TIMEOUT = 1500
_RUN_TIMEOUT = 600
_STAMP = ".built-from"
_SCRIPT = """
set -eu
mount --bind /proc "$CHROOT/proc"
mount --bind /dev "$CHROOT/dev"
mount -t tmpfs tmpfs "$CHROOT/tmp"
mkdir -p "$CHROOT/callbox" "$CHROOT/tmp/report"
mount --bind "$PROJECT" "$CHROOT/callbox"
mount -o remount,bind,ro "$CHROOT/callbox"
mount --bind "$REPORT" "$CHROOT/tmp/report"
exec chroot "$CHROOT" sh -c 'cd /callbox && exec /venv/bin/python -m pytest "$@"' pytest "$@"
"""


class ChrootError(Exception):
    """It cannot be had on this machine, and why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test: `passed`, `failed` or `skipped`, and what it said."""

    result: str
    text: str


def cache_directory() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "callbox"


def requirements() -> list[str]:
    """What pip installs inside: the project's own dependencies, the camera's, and what runs the
    tests.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    testing = [each for each in extras["dev"] if each.startswith(("hypothesis", "pytest"))]
    return [*project["dependencies"], *extras["pi"], *testing]


def ready_chroot() -> Path:
    """Its folder, built now if it has to be. Raises ChrootError."""
    if os.geteuid() != 0:
        raise ChrootError("the virtual camera's chroot needs root")
    if find_part("unshare") is None or not (find_part("debootstrap") or find_part("apt-get")):
        raise ChrootError("the virtual camera's chroot needs unshare and debootstrap")
    folder = cache_directory() / "camera-chroot"
    wanted = requirements()
    stamp = hashlib.sha256("\n".join([BUILDER.read_text(), *wanted]).encode()).hexdigest()
    with _locked(folder.with_suffix(".lock")):
        if _read(folder / _STAMP) != stamp:
            _build(folder, wanted)
            (folder / _STAMP).write_text(stamp)
    return folder


# Warnings of picamera2's own code are none of ours.
_PYTEST_OPTIONS = (
    *("-q", "-W", "default", "-p", "tests.camera.inside.fixtures", "-p", "no:cacheprovider"),
    *("-o", "python_files=inside_*.py", "-o", "junit_logging=all"),
)
_COMMAND = (
    *("unshare", "--mount", "--propagation", "private", "sh", "-c", _SCRIPT, "sh"),
    *_PYTEST_OPTIONS,
)


def _environment(chroot: Path, port: int, report: str) -> dict[str, str]:
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        # the tree is read-only there
        "PYTHONPYCACHEPREFIX": "/var/cache/callbox",
        "INSIDE_CAMERA_CHROOT": "1",
        "TEST_BROKER_PORT": str(port),
        "CHROOT": str(chroot),
        "PROJECT": str(ROOT),
        "REPORT": report,
    }


def run_inside(chroot: Path, node_ids: list[str]) -> dict[str, Outcome]:
    """Run these tests in the chroot, beside a mosquitto of their own. By node id, without a
    parameter's brackets.
    """
    with tempfile.TemporaryDirectory() as report, _broker(Path(report)) as port:
        done = subprocess.run(
            [*_COMMAND, "--junitxml=/tmp/report/junit.xml", *node_ids],
            env=_environment(chroot, port, report),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_RUN_TIMEOUT,
            check=False,
        )
        junit = Path(report, "junit.xml")
        if not junit.exists():
            raise ChrootError(
                f"pytest did not run in the chroot:\n{done.stdout.decode(errors='replace')[-4000:]}"
            )
        return read_outcomes(junit)


def read_outcomes(junit: Path) -> dict[str, Outcome]:
    """By node id; of a test with parameters the worst counts."""
    outcomes: dict[str, Outcome] = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        module, name = (
            case.get("classname", "").replace(".", "/"),
            case.get("name", "").partition("[")[0],
        )
        node_id, outcome = f"{module}.py::{name}", _outcome_of(case)
        worst = outcomes.get(node_id)
        if worst is None or worst.result != "failed":
            outcomes[node_id] = outcome
    return outcomes


def _outcome_of(case: ElementTree.Element) -> Outcome:
    for tag, result in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            output = "\n".join(
                case.findtext(stream) or "" for stream in ("system-out", "system-err")
            )
            return Outcome(
                result,
                f"{case.get('name')}: {found.get('message', '')}\n{found.text or ''}\n{output}",
            )
    return Outcome("passed", "")


def _build(folder: Path, wanted: list[str]) -> None:
    done = subprocess.run(
        ["bash", str(BUILDER), str(folder), *wanted],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_BUILD_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise ChrootError(
            f"the chroot cannot be built:\n{done.stdout.decode(errors='replace')[-4000:]}"
        )


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _broker(folder: Path) -> Iterator[int]:
    """A port; 0 where there is no mosquitto on this machine."""
    if find_part("mosquitto") is None:
        yield 0
        return
    broker = Mosquitto(folder)
    broker.start()
    try:
        yield broker.port
    finally:
        broker.stop()


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
