"""One daemon for one state directory: two of them would write each other's records, and be one uid
twice.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import AlreadyRunning


@contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """While this is open, nobody else gets in. Raises AlreadyRunning.

    The directory itself is locked, so that nothing has to be written; a directory that cannot be
    opened, or a file system without locks, keeps nobody out. The lock ends with the process.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        _lock(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning(
            f"another callbox runs with state_directory {directory}: stop it "
            f"(systemctl stop callbox), or give this one a uid and a state_directory of its own"
        ) from None
    except OSError:
        return
