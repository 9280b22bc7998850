"""The board that this process runs on."""

from __future__ import annotations

import platform
from pathlib import Path

_MODEL = Path("/proc/device-tree/model")


def board_model(model: Path = _MODEL) -> str:
    """What the device tree calls this board, or the machine's architecture."""
    try:
        return model.read_text().strip("\0 \n")
    except OSError:
        return platform.machine()
