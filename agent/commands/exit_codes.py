"""What the commands exit with."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes."""

    OK = 0
    REJECTED = 3
    BUSY = 4
    TIMEOUT = 5
    FAILED = 6
    UNREACHABLE = 7
    NOT_AUTHORIZED = 8
    BAD_CONFIGURATION = 78  # sysexits(3) EX_CONFIG
