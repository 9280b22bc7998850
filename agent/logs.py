"""Logging for a terminal or a pipe: one line for each thing that happened."""

from __future__ import annotations

import logging
import sys

QUIET = ("aioice", "aiortc", "libav", "asyncio")  # their INFO is our DEBUG


def set_up_logging(level: str) -> None:
    """Log to standard error. `level` is debug, info, warning or error."""
    number = logging.getLevelName(level.upper())
    logging.basicConfig(
        stream=sys.stderr, level=number, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S"
    )
    for name in QUIET:
        logging.getLogger(name).setLevel(number if number <= logging.DEBUG else max(number, logging.WARNING))
