"""callbox with faults that a signal brings on. Runs in the container, in place of the real command.

SIGUSR1 blocks the event loop; SIGUSR2 lets the encoder fall silent for good.
"""

from __future__ import annotations

import signal
import time
from typing import Any

from agent.cli import main
from agent.media.base.video_source import Emit, Fail
from agent.media.pattern.pattern_source import PatternSource
from agent.ports import AccessUnit

silent = False
Source: Any = PatternSource
start = Source.start


async def start_breakable(source: PatternSource, emit: Emit[AccessUnit], fail: Fail) -> None:
    await start(source, lambda unit: None if silent else emit(unit), fail)


def block(*_: Any) -> None:
    time.sleep(3600)


def fall_silent(*_: Any) -> None:
    global silent
    silent = True


Source.start = start_breakable
signal.signal(signal.SIGUSR1, block)
signal.signal(signal.SIGUSR2, fall_silent)
main()
