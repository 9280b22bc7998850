"""The real parts that tests need: found, or named with what would install them. With CI=true none
may be missing.
"""

from __future__ import annotations

import os
import shutil

import pytest

SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def find_part(command: str) -> str | None:
    return shutil.which(command, path=SEARCH)


def missing(reason: str) -> None:
    """Skip with the reason; in CI, where everything can be installed, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and in CI nothing may be missing")
    pytest.skip(reason)


def require_part(command: str, package: str | None = None) -> str:
    """The path of a program, or a skip that says how to get it."""
    path = find_part(command)
    if path is None:
        missing(f"{command} is not installed (apt-get install {package or command})")
        raise AssertionError("unreachable")
    return path
