"""One line that is on or off: a pin of the board, or one that is not there at all."""

from __future__ import annotations

from typing import Protocol

from agent.errors import CallboxError


class OutputFailed(CallboxError):  # noqa: N818 - it names what became of it
    """A line could not be opened or switched."""


class OutputLine(Protocol):
    """Opened off. Safe to use from any one thread at a time."""

    def write(self, on: bool) -> None:
        """Raises OutputFailed."""

    def close(self) -> None:
        """Off, and given back. Never raises."""


class VirtualLine:
    """Does nothing: for demos and tests, and for outputs without a pin."""

    def __init__(self) -> None:
        self.is_on = False

    def write(self, on: bool) -> None:
        self.is_on = on

    def close(self) -> None:
        self.is_on = False
