"""Builds callbox_VERSION_ARCH.deb for each suite and architecture, on any machine with dpkg-deb and
pip.

    python3 systemd/deb/build.py --suite trixie --arch arm64 --out dist

The package brings a virtual environment of its own in /usr/lib/callbox, made of wheels for the
target: nothing of the target runs here, so the machine that builds need not be of its kind. The
environment sees the system's packages, as picamera2 and systemd-python come from there.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import documents

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# of the virtual environment
HOME = Path("usr/lib/callbox")

ELF_MACHINES = {"amd64": 62, "arm64": 183}  # e_machine of elf(5)
WHEEL_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
MANYLINUX = ("2_5", "2_12", "2_17", "2_24", "2_26", "2_27", "2_28", "2_31", "2_34", "2_35")
THIS = "this"
MODE_EXECUTABLE, MODE_FILE = 0o755, 0o644


@dataclass(frozen=True)
class Suite:
    """A release of Debian, and of Raspberry Pi OS. `glibc` bounds which wheels can be used."""

    name: str
    number: int
    python: str
    modern_systemd: bool  # 254 or newer


SUITES = {
    "bookworm": Suite("bookworm", 12, "3.11", modern_systemd=False),
    "trixie": Suite("trixie", 13, "3.13", modern_systemd=True),
}


class BuildError(Exception):
    """The package cannot be built as asked; says why."""


def build(
    suite: Suite, arch: str, out: Path, *, wheel: Path | None = None, compression: str = "xz"
) -> Path:
    """The path of the finished package. Raises BuildError, or CalledProcessError for a tool that
    failed.
    """
    with tempfile.TemporaryDirectory(prefix="callbox-deb-") as name:
        scratch = Path(name)
        tree = scratch / "tree"
        wheel = wheel or build_wheel(scratch)
        version = f"{wheel.name.split('-')[1]}-1~deb{suite.number}"
        install_environment(tree, suite, arch, wheel)
        install_service(tree, suite)
        packages = tree / HOME / "lib" / f"python{suite.python}" / "site-packages"
        documents.install(tree, packages, version, build_time())
        check_machine(tree, arch)
        write_control(tree, suite, arch, version)
        set_modes(tree)
        built = scratch / f"callbox_{version}_{arch}.deb"
        run("dpkg-deb", "--root-owner-group", f"-Z{compression}", "--build", str(tree), str(built))
        # whole, or not at all
        out.mkdir(parents=True, exist_ok=True)
        package = out / built.name
        shutil.move(built, package)
    return package


def this_suite(os_release: Path = Path("/etc/os-release")) -> str:
    """The suite of the machine that builds. Raises BuildError where there is no package for it."""
    names = dict(re.findall(r"^(\w+)=\"?([^\"\n]*)", os_release.read_text(), re.MULTILINE))
    name = names.get("VERSION_CODENAME", "")
    if name not in SUITES:
        raise BuildError(
            f"this machine runs {names.get('PRETTY_NAME', 'no Debian')}: "
            f"name the package's suite, --suite {' or '.join(SUITES)} (make deb SUITE=...)"
        )
    return name


def this_arch() -> str:
    """The architecture of the machine that builds. Raises BuildError likewise."""
    machine = os.uname().machine
    for arch, name in WHEEL_MACHINES.items():
        if name == machine:
            return arch
    raise BuildError(
        f"this machine is {machine}: "
        f"name the package's architecture, --arch {' or '.join(ELF_MACHINES)} (make deb ARCH=...)"
    )


def build_wheel(scratch: Path) -> Path:
    """Our own code as a wheel: pure Python, the same for every target."""
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--wheel-dir",
        str(scratch),
        str(ROOT),
    )
    (wheel,) = scratch.glob("callbox-*.whl")
    return wheel


def lock_file(suite: Suite) -> Path:
    """The versions and hashes of all that the package of `suite` brings; see lock.py."""
    return HERE / f"{suite.name}.lock"


def pip_install(suite: Suite, arch: str) -> tuple[str, ...]:
    """`pip install`, of wheels for the target alone."""
    machine = WHEEL_MACHINES[arch]
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in MANYLINUX]
    return (
        *(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"),
        *("--only-binary=:all:", "--implementation=cp", f"--python-version={suite.python}"),
        *platforms,
        f"--platform=manylinux2014_{machine}",
    )


def install_environment(tree: Path, suite: Suite, arch: str, wheel: Path) -> None:
    """A virtual environment by hand, as venv(1) would make it on the target."""
    home = tree / HOME
    packages = home / "lib" / f"python{suite.python}" / "site-packages"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    run(
        *pip_install(suite, arch),
        "--no-compile",
        "--require-hashes",
        f"--requirement={lock_file(suite)}",
        f"--target={packages}",
        f"callbox @ {wheel.resolve().as_uri()}#sha256={digest}",
    )
    shutil.rmtree(packages / "bin", ignore_errors=True)
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to("/usr/bin/python3")
    (home / "bin/python").symlink_to("python3")
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = true\n")
    script = home / "bin/callbox"
    script.write_text(
        f"#!/{HOME}/bin/python3 -I\nimport sys\n\nfrom agent.__main__ import "
        f"main\n\nsys.exit(main())\n"
    )
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/callbox").symlink_to("../lib/callbox/bin/callbox")


def install_service(tree: Path, suite: Suite) -> None:
    """Unit, user, directories and the annotated samples of the settings."""
    units = tree / "usr/lib/systemd/system"
    copy(ROOT / "systemd/callbox.service", units / "callbox.service")
    copy(ROOT / "systemd/callbox-collector.service", units / "callbox-collector.service")
    if suite.modern_systemd:
        for drop_in in (ROOT / "systemd/callbox.service.d").glob("*.conf"):
            copy(drop_in, units / "callbox.service.d" / drop_in.name)
    copy(ROOT / "systemd/callbox.sysusers", tree / "usr/lib/sysusers.d/callbox.conf")
    copy(ROOT / "systemd/callbox.tmpfiles", tree / "usr/lib/tmpfiles.d/callbox.conf")
    # Samples, and no conffiles: `callbox init` and people write these files, and dpkg would ask
    # about each of them at an upgrade, where nobody may be there to answer. postinst copies them.
    for name in ("callbox.toml", "policy.toml", "collector.toml"):
        copy(ROOT / "config" / name, tree / "usr/share/callbox/samples" / name)


def check_machine(tree: Path, arch: str) -> None:
    """Every compiled file must be for the target. Raises BuildError that names one that is not."""
    libraries = [
        path
        for path in tree.rglob("*")
        if path.is_file() and not path.is_symlink() and is_elf(path)
    ]
    if not libraries:
        raise BuildError("the tree holds no compiled files at all")
    for path in libraries:
        if elf_machine(path) != ELF_MACHINES[arch]:
            raise BuildError(f"{path.relative_to(tree)} is not for {arch}")


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def elf_machine(path: Path) -> int:
    with path.open("rb") as file:
        header = file.read(20)
    machine: int = struct.unpack_from("<H", header, 18)[0]
    return machine


def write_control(tree: Path, suite: Suite, arch: str, version: str) -> None:
    """DEBIAN/: control, md5sums and the maintainer scripts."""
    control = tree / "DEBIAN"
    control.mkdir()
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    files = [path for path in files if control not in path.parents]
    major, minor = suite.python.split(".")
    values = {
        "version": version,
        "arch": arch,
        "size": str(sum(path.stat().st_size for path in files) // 1024),
        "python": suite.python,
        "next_python": f"{major}.{int(minor) + 1}",
        "maintainer": documents.maintainer(),
    }
    text = (HERE / "control.in").read_text()
    (control / "control").write_text(re.sub(r"@(\w+)@", lambda match: values[match[1]], text))
    sums = [f"{md5(path)}  {path.relative_to(tree)}\n" for path in files]
    (control / "md5sums").write_text("".join(sums))
    for script in ("postinst", "prerm", "postrm"):
        copy(HERE / script, control / script)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def set_modes(tree: Path) -> None:
    """The same whatever the umask of the one who builds."""
    scripts = {
        tree / HOME / "bin/callbox",
        *(tree / "DEBIAN" / name for name in ("postinst", "prerm", "postrm")),
    }
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink():
            continue
        path.chmod(MODE_EXECUTABLE if path.is_dir() or path in scripts else MODE_FILE)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def build_time() -> int:
    """Unix time that the package says it was built at: the same sources make the same package."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or (ROOT / "pyproject.toml").stat().st_mtime)


def run(*command: str) -> None:
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(build_time())}
    subprocess.run(command, check=True, env=environ, stdout=sys.stderr)  # noqa: S603 - pip and dpkg-deb, no shell


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the Debian package of callbox.")
    parser.add_argument(
        "--suite",
        choices=(*SUITES, THIS),
        action="append",
        help="may be given again; all unless given; `this`: of the machine that builds",
    )
    parser.add_argument("--arch", choices=(*ELF_MACHINES, THIS), action="append", help="likewise")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument(
        "--wheel", type=Path, help="callbox's own wheel, where it has been built already"
    )
    parser.add_argument("--compression", choices=("xz", "zstd", "gzip", "none"), default="xz")
    chosen = parser.parse_args()
    try:
        suites = [this_suite() if each == THIS else each for each in chosen.suite or SUITES]
        archs = [this_arch() if each == THIS else each for each in chosen.arch or ELF_MACHINES]
        for suite in suites:
            for arch in archs:
                package = build(
                    SUITES[suite],
                    arch,
                    chosen.out,
                    wheel=chosen.wheel,
                    compression=chosen.compression,
                )
                sys.stdout.write(f"{package}\n")
    except (BuildError, RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(f"build.py: {error}")


if __name__ == "__main__":
    main()
