"""Home Assistant on this machine: which versions tests run against, where they are, and how they
get there.

    python -m tests.homeassistant.installation [--oldest] [--frontend]

Each lies in a folder of its own below ~/.cache/callbox-homeassistant (`HOMEASSISTANT_CACHE`:
another folder), with a Python of its own, as Home Assistant wants one that is newer than ours.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.parts import missing

FOLDER = Path(__file__).parent
REMEDY = "python -m tests.homeassistant.installation"
# seconds; two minutes on an idle machine
BUILD_TIMEOUT = 1800


def cache() -> Path:
    named = os.environ.get("HOMEASSISTANT_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "callbox-homeassistant"


@dataclass(frozen=True, slots=True)
class Installation:
    """One version, and Debian's suite that has the Python for it."""

    version: str
    suite: str
    python: str

    @property
    def folder(self) -> Path:
        return cache() / self.version

    @property
    def program(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def libraries(self) -> Path:
        """What PyTurboJPEG looks for."""
        return self.folder / "lib"

    @property
    def frontend(self) -> Path:
        """The page, where it was asked for; before the stand-in on Python's path."""
        return self.folder / "frontend"

    @property
    def components(self) -> Path:
        return next(self.folder.glob("venv/lib/python3*/site-packages/homeassistant/components"))

    @property
    def ready(self) -> bool:
        return (self.folder / ".ready").exists()

    @property
    def has_frontend(self) -> bool:
        return (self.frontend / ".ready").exists()

    def build(self, *, frontend: bool = False) -> None:
        """Raises CalledProcessError or TimeoutExpired."""
        cache().mkdir(parents=True, exist_ok=True)
        script = str(FOLDER / "build.sh")
        command = [script, str(self.folder), self.version, self.suite, self.python]
        subprocess.run(command, check=True, timeout=BUILD_TIMEOUT)
        if frontend:
            page = [script, str(self.folder), "frontend"]
            subprocess.run(page, check=True, timeout=BUILD_TIMEOUT)


NEWEST = Installation("2026.11.0", "forky", "python3.14")
OLDEST = Installation("2026.2.3", "trixie", "python3.13")


def require_installation(installation: Installation, *, frontend: bool = False) -> Installation:
    """It, or a skip that says how to get it; in CI it is made."""
    flags = (" --oldest" if installation == OLDEST else "") + (" --frontend" if frontend else "")
    if not installation.ready or (frontend and not installation.has_frontend):
        if os.environ.get("CI") != "true":
            missing(f"Home Assistant {installation.version} is not installed: {REMEDY}{flags}")
        installation.build(frontend=frontend)
    return installation


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oldest", action="store_true", help=f"{OLDEST.version} as well")
    parser.add_argument("--frontend", action="store_true", help="with the page, for a browser")
    arguments = parser.parse_args()
    for each in (NEWEST, *((OLDEST,) if arguments.oldest else ())):
        each.build(frontend=arguments.frontend)
        print(f"Home Assistant {each.version} is in {each.folder}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
