"""A directory for this process's user alone: what lies there is read as our own word later."""

from __future__ import annotations

import os
import stat
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
        found = [directory, *directory.iterdir()]
    except OSError:
        return
    for path in found:
        _keep(path, 0o700 if path is directory else 0o600)


def _keep(path: Path, mode: int) -> None:
    try:
        # a link to a directory of ours is as good; one to a file is not
        status = path.stat() if mode == 0o700 else path.lstat()
    except OSError:
        return
    if status.st_uid not in (os.geteuid(), ROOT):
        raise ConfigurationError(
            [f"state_directory: {path} belongs to another user: remove it, or choose another one"]
        )
    kind = stat.S_ISDIR if mode == 0o700 else stat.S_ISREG
    if not kind(status.st_mode) or not stat.S_IMODE(status.st_mode) & 0o077:
        return
    try:
        path.chmod(mode)
    except OSError:
        return
