"""`callbox` that says how late the event loop of its calls is.

LATENESS=FILE python -m tests.bench.lateness run --config FILE

Looks 200 times a second, and writes a line each: when (monotonic, in seconds), and how much later
than it wanted (in seconds). With `PAGE=loop` the page is served on the same loop, as it is not.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TextIO

import agent.web.web_server
from agent.__main__ import main

PERIOD = 0.005

_run = asyncio.run


async def look(file: TextIO) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + PERIOD, loop.time())
        await asyncio.sleep(due - loop.time())
        file.write(f"{due:.6f} {loop.time() - due:.6f}\n")


def run_watched(main: Coroutine[Any, Any, Any], **options: Any) -> Any:
    """In the place of `asyncio.run`; threads have loops of their own, which are left alone."""
    if threading.current_thread() is not threading.main_thread():
        return _run(main, **options)

    async def watched() -> Any:
        task = asyncio.create_task(look(file))
        try:
            return await main
        finally:
            task.cancel()

    with Path(os.environ["LATENESS"]).open("w", buffering=1) as file:
        return _run(watched(), **options)


class SameLoop:
    """In the place of the page's thread."""

    def __init__(self, context: AbstractAsyncContextManager[Any], _name: str) -> None:
        self._context = context

    async def __aenter__(self) -> Any:
        return await self._context.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        await self._context.__aexit__(*error)


if __name__ == "__main__":
    asyncio.run = run_watched
    if os.environ.get("PAGE") == "loop":
        setattr(agent.web.web_server, "LoopThread", SameLoop)  # noqa: B010 - not among its exports
    main()
