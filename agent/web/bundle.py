"""Fetches the page's one third-party part, MQTT.js: when a wheel is built, and for a checkout.

It runs without the project's own dependencies: as the build hook of pyproject.toml, and as a
script. The version is the one that package.json names.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # not building
    BuildHookInterface = object

HERE = Path(__file__).parent
PACKAGE = "mqtt@" + json.loads((HERE / "package.json").read_text())["dependencies"]["mqtt"]
MEMBER = "package/dist/mqtt.min.js"
SHA256 = "f3cbeae580d3010048938ee370f2db0c15d16e6f7fc147cb32ae5510e571b387"
TARGET = HERE / "vendor" / "mqtt.min.js"


def fetch() -> Path:
    """The path of the file, fetched with npm unless it is there already. Raises RuntimeError with
    what to do.
    """
    if TARGET.exists() and _digest(TARGET.read_bytes()) == SHA256:
        return TARGET
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            f"npm is needed to fetch {PACKAGE} for the page; install Node.js with npm"
        )
    with tempfile.TemporaryDirectory() as folder:
        # npm is the person's own, and the rest are words of ours
        subprocess.run(  # noqa: S603
            [npm, "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        archive = next(Path(folder).glob("*.tgz"))
        with tarfile.open(archive) as tar:
            member = tar.extractfile(MEMBER)
            if member is None:
                raise RuntimeError(f"{PACKAGE} has no {MEMBER}")
            data = member.read()
    if _digest(data) != SHA256:
        raise RuntimeError(f"{PACKAGE} is not what it was: its SHA-256 is {_digest(data)}")
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(data)
    return TARGET


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Puts MQTT.js into the wheel and the source archive; an editable install does without."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if version != "editable":
            fetch()


if __name__ == "__main__":
    try:
        fetch()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(f"callbox: {error}")
