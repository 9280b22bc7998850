"""What visitors left when nobody was at home: a bounded folder of recordings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.errors import NoSuchMessage

MOST = 20
# seconds that one is kept
LONGEST_KEPT = 30 * 24 * 3600.0
# seconds of one
LONGEST = 60.0
_SUFFIX = ".ogg"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class VisitorMessage:
    """`at` is the time of day in Unix seconds at which it was recorded; `size` in bytes."""

    name: str
    at: float
    size: int


class VisitorMessages:
    """Whoever records writes to `place(now)`; `prune` keeps the folder bounded. The time of day is
    an argument, in Unix seconds.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def place(self, now: float) -> Path:
        """Where the next one goes, by its time. Makes the folder, 0700. Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        taken = {each.name for each in self.all()}
        name = next(
            name for n in range(MOST + 2) if (name := f"{stem}-{n}" if n else stem) not in taken
        )
        return self._directory / f"{name}{_SUFFIX}"

    def all(self) -> list[VisitorMessage]:
        """The newest first."""
        found: list[VisitorMessage] = []
        try:
            entries = list(self._directory.iterdir())
        except OSError:
            return []
        for each in entries:
            if each.suffix != _SUFFIX or not _NAME.fullmatch(each.stem):
                continue
            try:
                status = each.stat()
            except FileNotFoundError:
                continue
            found.append(VisitorMessage(each.stem, status.st_mtime, status.st_size))
        return sorted(found, key=lambda each: (each.at, each.name), reverse=True)

    def file(self, name: str) -> Path:
        """Raises NoSuchMessage."""
        if name not in {each.name for each in self.all()}:
            raise NoSuchMessage(f"there is no message {name!r}")
        return self._directory / f"{name}{_SUFFIX}"

    def delete(self, name: str) -> None:
        """Raises NoSuchMessage."""
        self.file(name).unlink(missing_ok=True)

    def prune(self, now: float) -> list[str]:
        """Delete what is too old or too many; the names of what went."""
        gone = [
            each.name
            for number, each in enumerate(self.all())
            if number >= MOST or now - each.at > LONGEST_KEPT
        ]
        for name in gone:
            (self._directory / f"{name}{_SUFFIX}").unlink(missing_ok=True)
        return gone
