"""What the Debian packages are made of is pinned, by version and hash."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "systemd/deb").glob("*.lock"))
PIN = re.compile(r"([a-z0-9-]+)==(\S+?)((?: --hash=sha256:[0-9a-f]{64})+)")


def pins(lock: Path) -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each distribution. Fails for a line of any other form."""
    lines = lock.read_text().replace(" \\\n   ", "").splitlines()
    found = {}
    for line in lines:
        if line.startswith("#"):
            continue
        pin = PIN.fullmatch(line)
        assert pin is not None, line
        assert pin[1] not in found, f"{pin[1]} is there twice"
        found[pin[1]] = (pin[2], pin[3].count("--hash"))
    return found


def test_lock_files_are_those_of_the_suites() -> None:
    assert [lock.stem for lock in LOCKS] == ["bookworm", "trixie"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.stem))
def test_lock_file_pins_what_the_project_depends_on(lock: Path) -> None:
    found = pins(lock)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in map(Requirement, project["dependencies"]):
        version, _ = found[requirement.name]
        assert requirement.specifier.contains(version), requirement.name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.stem))
def test_lock_file_has_a_hash_for_each_architecture(lock: Path) -> None:
    found = pins(lock)
    # with code for one machine in them
    for name in ("av", "cryptography", "pydantic-core", "pylibsrtp"):
        assert found[name][1] == 2, name
