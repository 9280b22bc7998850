"""The integration's types, judged by those of the real Home Assistant.

`make check` cannot: it runs in an environment that has no Home Assistant, and on a Python that is
too old for one.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.homeassistant.component import COMPONENT
from tests.homeassistant.installation import NEWEST, cache, require_installation

pytestmark = [pytest.mark.homeassistant, pytest.mark.further_case]


def test_types_fit_those_of_home_assistant() -> None:
    installation = require_installation(NEWEST)
    folder = COMPONENT.parents[1]
    found = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file=", "--strict"),
            *("--python-executable", str(installation.program), "--python-version", "3.14"),
            *("--cache-dir", str(cache() / "types"), "--follow-imports", "silent"),
            *("--explicit-package-bases", "-p", "custom_components.callbox"),
        ],
        cwd=folder,
        env={"MYPYPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
