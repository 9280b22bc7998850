"""Logging: one line for each thing that happened, to the journal with fields, or as text to a
terminal or a pipe.
"""

from __future__ import annotations

import faulthandler
import logging
import sys

from agent.service.journal import open_journal

# their INFO is our DEBUG
QUIET = ("aioice", "aiortc", "libav", "asyncio")


def set_up_logging(level: str) -> None:
    """Log to standard error or, where systemd has connected that to the journal, there. See
    `set_level`.
    """
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S")
    )
    logging.basicConfig(handlers=[open_journal() or terminal])
    set_level(level)


def set_level(level: str) -> None:
    """`level` is debug, info, warning or error; what is below it is not logged."""
    number = logging.getLevelName(level.upper())
    logging.getLogger().setLevel(number)
    for name in QUIET:
        logging.getLogger(name).setLevel(
            number if number <= logging.DEBUG else max(number, logging.WARNING)
        )


def set_up_tracebacks() -> None:
    """Where every thread was, to standard error: in a crash of C code, and when the watchdog ends a
    hang.
    """
    faulthandler.enable(all_threads=True)
