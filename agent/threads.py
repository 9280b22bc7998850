"""What would block the event loop, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable


async def call_in_thread(name: str, function: Callable[[], None]) -> None:
    """Run what blocks in a daemon thread; the pool of `asyncio.to_thread` would keep the process
    from ending.

    When this is cancelled the thread goes on; its result is dropped.
    """
    loop = asyncio.get_running_loop()
    finished = asyncio.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001 - a thread's edge: raised again by the one who waits
            failures.append(error)
        # the event loop may be gone by now
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finished.set)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    await finished.wait()
    thread.join()
    if failures:
        raise failures[0]
