"""callbox with faults that a signal brings on. Runs in the container, in place of the real command.

SIGUSR1 blocks the event loop; SIGUSR2 lets the encoder fall silent for good.
"""

from __future__ import annotations

import signal
import time
from typing import Any

from agent.cli import main
from agent.media.shared_source import SharedSource


def block(*_: Any) -> None:
    time.sleep(3600)


def fall_silent(*_: Any) -> None:
    SharedSource._deliver = lambda *_unit: None  # type: ignore[method-assign]


signal.signal(signal.SIGUSR1, block)
signal.signal(signal.SIGUSR2, fall_silent)
main()
