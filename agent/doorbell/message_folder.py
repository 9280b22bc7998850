"""What the device can say: files in a folder of the owner's."""

from __future__ import annotations

import re
from pathlib import Path

from agent.errors import NoSuchMessage

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# the first counts, where a name has several
SUFFIXES = (".wav", ".opus", ".ogg", ".flac", ".mp3", ".m4a")
# names that are told
MOST = 64


class MessageFolder:
    """Messages by name, `NAME.wav` or another of SUFFIXES. The folder is looked at each time; one
    that is not there is empty.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def names(self) -> tuple[str, ...]:
        """In order, MOST at most."""
        return tuple(sorted(self._files()))[:MOST]

    def file(self, name: str) -> Path:
        """Raises NoSuchMessage."""
        try:
            return self._files()[name]
        except KeyError:
            raise NoSuchMessage(f"there is no message {name!r}") from None

    def _files(self) -> dict[str, Path]:
        try:
            entries = [each for each in self._directory.iterdir() if each.is_file()]
        except OSError:
            return {}
        found: dict[str, Path] = {}
        for suffix in reversed(SUFFIXES):
            for each in entries:
                if each.suffix.lower() == suffix and _NAME.fullmatch(each.stem):
                    found[each.stem] = each
        return found
