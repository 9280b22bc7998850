"""A file in the state directory: what one part of a device knows over a restart."""

from __future__ import annotations

import os
from pathlib import Path


class StateFile:
    """Replaced as a whole, so that a power cut leaves the old one or the new one; nobody else may
    read it. Methods block, and raise OSError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def read(self) -> bytes | None:
        """None where there is none."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, content: str | bytes | None) -> None:
        """Text as UTF-8. None: there is none from now on."""
        if content is None:
            self._path.unlink(missing_ok=True)
            return
        new = self._path.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(descriptor)
        new.replace(self._path)
