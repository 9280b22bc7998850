"""The package, built and installed on each suite."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.parts import missing, require_part
from tests.systemd.device import Device
from tests.systemd.machine import CACHE, Machine

ROOT = Path(__file__).resolve().parents[2]
SUITES = ("trixie", "bookworm")


@pytest.fixture(scope="session")
def builder() -> ModuleType:
    """systemd/deb/build.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location(
        "callbox_deb_build", ROOT / "systemd/deb/build.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def build_package(builder: ModuleType, suite: str, arch: str) -> Path:
    """The package of the sources as they are; one that was built of the same sources before is
    taken again.
    """
    digest = hashlib.sha256()
    for part in ("agent", "config", "systemd"):
        for path in sorted((ROOT / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    digest.update((ROOT / "pyproject.toml").read_bytes())
    folder = CACHE / f"deb-{suite}-{arch}"
    kept = folder / digest.hexdigest()[:16]
    if not kept.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        built = builder.build(builder.SUITES[suite], arch, folder / "new", compression="none")
        built.parent.rename(kept)
    return next(kept.glob("*.deb"))


@pytest.fixture(scope="session")
def container_tools() -> None:
    if os.getuid() != 0:
        missing("a container needs root")
    for command, package in (
        ("systemd-nspawn", "systemd-container"),
        ("mmdebstrap", "mmdebstrap"),
        ("nsenter", "util-linux"),
    ):
        require_part(command, package)


@pytest.fixture(scope="module", params=SUITES)
def suite(request: pytest.FixtureRequest, container_tools: None) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def machine(
    suite: str, builder: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """Booted, with the package beside it in /mnt and nothing installed."""
    folder = tmp_path_factory.mktemp(suite)
    shutil.copyfile(build_package(builder, suite, "amd64"), folder / "callbox.deb")
    with Machine(suite, folder) as machine:
        yield machine


@pytest.fixture(scope="module")
def device(machine: Machine) -> Device:
    """The package installed and configured; the service not yet started."""
    return Device.install(machine)
