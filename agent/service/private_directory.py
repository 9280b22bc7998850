"""A directory for this process's user alone: what lies there is read as our own word later."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.errors import ConfigurationError

# who could do anything to us anyhow
ROOT = 0


def make_private(directory: Path) -> None:
    """Make it if it is not there; 0700, and 0600 for each file in it.

    Raises ConfigurationError where it, or a file in it, belongs to somebody else, root aside:
    whoever made it first has put there what we would say in our own name. A disk that does not let
    itself be changed is left as it is.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return
    if faults := faults_of_owner(directory):
        raise ConfigurationError(faults)
    for path, status in _found(directory):
        is_top = path == directory
        kind = stat.S_ISDIR if is_top else stat.S_ISREG
        if kind(status.st_mode) and stat.S_IMODE(status.st_mode) & 0o077:
            with suppress(OSError):
                path.chmod(0o700 if is_top else 0o600)


def faults_of_owner(directory: Path) -> list[str]:
    """Why `make_private` would raise, one sentence at most; nothing is changed."""
    for path, status in _found(directory):
        if status.st_uid not in (os.geteuid(), ROOT):
            line = f"{path} belongs to another user: remove it, or choose another one"
            return [f"state_directory: {line}"]
    return []


def _found(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The directory and what is in it; nothing where it cannot be read."""
    try:
        paths = [directory, *directory.iterdir()]
    except OSError:
        return
    for path in paths:
        with suppress(OSError):
            # a link to a directory of ours is as good; one to a file is not
            yield path, path.stat() if path == directory else path.lstat()
