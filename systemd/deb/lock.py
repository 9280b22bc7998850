"""Writes SUITE.lock: what the package of each suite is made of, by version and hash.

    python3 systemd/deb/lock.py --suite trixie

The versions are one for all architectures of a suite; the hashes are those of the wheels that fit
one of them. `build.py` installs nothing else.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import build

HEADER = """\
# What callbox's package for {suite} (Python {python}) is made of. Written by `make lock`;
# look at the difference before it is committed.
"""


def lock(suite: build.Suite) -> str:
    """The text of the file. Raises CalledProcessError where nothing fits all architectures."""
    hashes: dict[str, set[str]] = {}
    project = tomllib.loads((build.ROOT / "pyproject.toml").read_text())["project"]
    wanted: list[str] = project["dependencies"]
    for arch in build.ELF_MACHINES:
        for each in resolve(suite, arch, wanted, [*hashes])["install"]:
            name = re.sub(r"[-_.]+", "-", each["metadata"]["name"]).lower()
            pin = f"{name}=={each['metadata']['version']}"
            sha256 = each["download_info"]["archive_info"]["hashes"]["sha256"]
            hashes.setdefault(pin, set()).add(sha256)
    lines = [
        " \\\n    ".join([pin, *(f"--hash=sha256:{each}" for each in sorted(hashes[pin]))])
        for pin in sorted(hashes)
    ]
    return HEADER.format(suite=suite.name, python=suite.python) + "\n".join(lines) + "\n"


def resolve(suite: build.Suite, arch: str, wanted: list[str], pins: list[str]) -> dict[str, Any]:
    """pip's report of what it would install of `wanted`, in the versions of `pins` where they say
    one.
    """
    with tempfile.TemporaryDirectory(prefix="callbox-lock-") as name:
        report, constraints = Path(name, "report.json"), Path(name, "constraints.txt")
        constraints.write_text("\n".join(pins))
        build.run(
            *build.pip_install(suite, arch),
            "--dry-run",
            f"--target={Path(name, 'nothing')}",
            f"--report={report}",
            f"--constraint={constraints}",
            *wanted,
        )
        found: dict[str, Any] = json.loads(report.read_text())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Pin what callbox's packages are made of.")
    parser.add_argument(
        "--suite", choices=build.SUITES, action="append", help="may be given again; all otherwise"
    )
    try:
        for name in parser.parse_args().suite or build.SUITES:
            suite = build.SUITES[name]
            text = lock(suite)
            build.lock_file(suite).write_text(text)
            sys.stdout.write(f"{build.lock_file(suite)}\n")
    except subprocess.CalledProcessError as error:
        sys.exit(f"lock.py: {error}")


if __name__ == "__main__":
    main()
