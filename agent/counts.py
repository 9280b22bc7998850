"""What was refused, by kind: one count for the whole process.

Whoever refuses something counts it here, at once and from any thread; `status`, `health` and the
log read it. So an attack does not look like a quiet day.
"""

from __future__ import annotations

import threading
from enum import StrEnum


class RefusalKind(StrEnum):
    """The kinds. The values are names in `status`, in `health` and in the log."""

    DATAGRAM = "datagrams"
    """To a media port: malformed, too long, empty, or from nobody in the call."""
    MESSAGE = "messages"
    """Of a sender who sends faster than he may, or that could not be read."""
    INVITATION = "invitations"
    """Beyond the rate of a caller, or of all."""
    COMMAND = "commands"
    """Not allowed, too late, repeated or unknown."""
    DOOR = "doors"
    """To be opened: not allowed, too late, no such door, or a wrong code."""
    LOGIN = "logins"
    """To the page: a wrong password, or tried too soon after one."""
    CONNECTION = "connections"
    """To the page: too many, of one address or of all, or of another site."""
    ICE_SERVER = "ice_servers"
    """Of an invitation: not allowed by its rule, not global, or at a port of something else."""


class RefusalCounts:
    """Counts that only grow. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(RefusalKind, 0)

    def count(self, kind: RefusalKind, number: int = 1) -> None:
        with self._lock:
            self._counts[kind] += number

    def totals(self) -> dict[RefusalKind, int]:
        """Since the start of the process, every kind."""
        with self._lock:
            return dict(self._counts)


def growth(before: dict[RefusalKind, int], now: dict[RefusalKind, int]) -> dict[RefusalKind, int]:
    """What came between two totals; kinds of which nothing came are left out."""
    grown = {kind: total - before.get(kind, 0) for kind, total in now.items()}
    return {kind: number for kind, number in grown.items() if number}


def in_words(counts: dict[RefusalKind, int]) -> str:
    """Such as `12 datagrams, 1 logins`; empty where there is nothing."""
    return ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in counts.items())


refusals = RefusalCounts()
"""Of this process."""
