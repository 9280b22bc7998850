"""Waiting for what is certain to come."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable

# A loaded machine takes its time. Whoever waits for what is certain to come waits so long at most.
PATIENCE = 60.0  # seconds
LOOP_ALONE = 0.5  # seconds
PAUSE = 0.002  # seconds
# A loaded machine may take most of a minute to start a program.
START_TIMEOUT = 60.0  # seconds


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition` holds. For what gives no event of its own; fails after
    PATIENCE.
    """
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)
            if time.monotonic() - began > LOOP_ALONE:
                # another process or thread is waited for, and may need this processor
                time.sleep(PAUSE)  # noqa: ASYNC251 - the loop's own clock may be a fake


def until_listening(
    process: subprocess.Popen[bytes], port: int, within: float = START_TIMEOUT
) -> None:
    """Return once the program accepts connections on the loopback port. One that does not is
    killed. Raises RuntimeError.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError as error:
            if process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            process.kill()
            process.wait()
            raise RuntimeError(f"nothing listens on port {port}: {process.args!r}") from error
        else:
            return
