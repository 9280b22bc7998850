"""The package, built and installed on each suite."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.parts import missing, require_part
from tests.systemd.device import Device
from tests.systemd.machine import CACHE, Machine

ROOT = Path(__file__).resolve().parents[2]
SUITES = ("trixie", "bookworm")
# seconds; a package that another run may still be copying stays
KEPT_FOR = 3600.0


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
    sys.path.insert(0, str(ROOT / "systemd/deb"))
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
    folder.mkdir(parents=True, exist_ok=True)
    # another run, of other sources, may be at it as well
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            for old in folder.iterdir():
                if time.time() - old.stat().st_mtime > KEPT_FOR:
                    shutil.rmtree(old, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                out = Path(scratch, "new")
                builder.build(builder.SUITES[suite], arch, out, compression="none")
                out.rename(kept)
    return next(kept.glob("*.deb"))


def wheelhouse(builder: ModuleType, suite: str) -> Path:
    """A folder of all wheels that callbox needs on `suite`, as pip would fetch them there."""
    lock_file = builder.lock_file(builder.SUITES[suite])
    digest = hashlib.sha256(lock_file.read_bytes()).hexdigest()[:16]
    folder = CACHE / f"wheels-{suite}-{digest}"
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            fetch = [
                "download" if word == "install" else word
                for word in builder.pip_install(builder.SUITES[suite], "amd64")
            ]
            builder.run(*fetch, "--require-hashes", f"--dest={scratch}/new", "-r", str(lock_file))
            Path(scratch, "new").rename(folder)
    return folder


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
