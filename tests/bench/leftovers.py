"""What a device under a bench holds, by name: at `SIGUSR2` it writes its threads, with the CPU that
each has used, and its tasks, with what each waits in, to its log.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

MARK, END = "held: ", "held: that is all"


def listen() -> None:
    """In the device's main thread, before its loop runs."""
    signal.signal(signal.SIGUSR2, lambda _number, _frame: _write())


def _write() -> None:
    threads = [f"thread {each.name}, {_cpu(each):.1f} s" for each in threading.enumerate()]
    lines = sorted([*threads, *(_named(each) for each in asyncio.all_tasks())])
    print("\n".join([*(MARK + each for each in lines), END]), file=sys.stderr, flush=True)


def _cpu(thread: threading.Thread) -> float:
    """Seconds that it has used."""
    fields = Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _named(task: asyncio.Task[Any]) -> str:
    frames = []
    awaited: Any = task.get_coro()
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        frames.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        awaited = getattr(awaited, "cr_await", None)
    return f"task {task.get_name()} in {' > '.join(frames)} > {awaited!r}"
