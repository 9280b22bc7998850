"""The kernel of the lab: which one is taken, what it must be able to do, and how it is built.

    python -m tests.lab.kernel

A Linux that is an ordinary program (user-mode Linux). `LAB_KERNEL` names one; otherwise the newest
`linux-*` in ~/.cache/callbox-lab (`LAB_CACHE`: another folder) that has what the tests need.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.lab.machine import Lab, LabError

FOLDER = Path(__file__).parent
PROVISION = FOLDER.parent / "provision.sh"
CONFIG = FOLDER / "kernel.config"
REMEDY = "make lab"
# seconds; on two busy cores it takes half an hour
BUILD_TIMEOUT = 3000
START_TIMEOUT = 60.0


def cache() -> Path:
    named = os.environ.get("LAB_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "callbox-lab"


def required_options() -> frozenset[str]:
    lines = CONFIG.read_text().splitlines()
    return frozenset(line.partition("=")[0] for line in lines if line.startswith("CONFIG_"))


def missing_options(kernel: Path) -> list[str]:
    """What this kernel lacks, by its own words; all of it where it is no such kernel."""
    required = required_options()
    try:
        told = subprocess.run(
            [kernel, "--showconfig"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return sorted(required)
    built_in = {line.partition("=")[0] for line in told.splitlines() if line.startswith("CONFIG_")}
    return sorted(required - built_in)


def runs(kernel: Path) -> bool:
    """Whether it starts on this machine's processor, and ends."""
    try:
        with Lab(kernel, ["true"], timeout=START_TIMEOUT) as lab:
            return lab.wait() == 0
    except (OSError, LabError):
        return False


def find_kernel() -> Path | None:
    """The newest that has what the tests need, and runs here; None where there is none."""
    named = os.environ.get("LAB_KERNEL")
    candidates = [Path(named)] if named else sorted(cache().glob("linux-*"), key=_age)
    return next((each for each in candidates if not missing_options(each) and runs(each)), None)


def _age(kernel: Path) -> float:
    return -kernel.stat().st_mtime


def build_kernel() -> Path:
    """Build it from Debian's source; whatever else runs here goes first. Raises CalledProcessError
    or TimeoutExpired.
    """
    target = cache() / "linux-built"
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([str(PROVISION), "lab"], check=True, timeout=BUILD_TIMEOUT)
    build = ["nice", "-n", "15", str(FOLDER / "build_kernel.sh"), str(target)]
    subprocess.run(build, check=True, timeout=BUILD_TIMEOUT)
    return target


def main() -> int:
    kernel = find_kernel()
    if kernel is None:
        for each in cache().glob("linux-*"):
            lacking = ", ".join(missing_options(each))
            print(f"{each} " + (f"lacks {lacking}" if lacking else "does not run here"), flush=True)
        kernel = build_kernel()
        if missing_options(kernel) or not runs(kernel):
            print(f"{kernel} was built, and is of no use", file=sys.stderr)
            return 1
    print(f"the lab's kernel is {kernel}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
