"""A thread with an owner: how a source runs what would block the event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from agent.errors import MediaError, MediaUnavailable
from agent.media.base.video_source import Fail

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 5.0
"""Seconds that a thread gets to notice that it should end."""


class Worker:
    """Runs `body(stopping)` in a thread until it returns or is stopped; an exception of it goes to
    `fail`.
    """

    def __init__(self, name: str, body: Callable[[threading.Event], None], fail: Fail) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._finished = asyncio.Event()
        self._body = body
        self._fail = fail
        # A daemon: a driver that hangs in the kernel must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Ask the thread to end and wait for it; a thread that hangs is left behind with a warning
        in the log.
        """
        self._stopping.set()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._finished.wait()
        except TimeoutError:
            logger.warning(
                "thread %s did not end within %.0f s and is left behind",
                self._thread.name,
                STOP_TIMEOUT,
            )
            return
        self._thread.join()

    def _run(self) -> None:
        try:
            self._body(self._stopping)
        except MediaError as error:
            self._report(error)
        except Exception as error:  # noqa: BLE001 - a thread's edge: whatever ended it is told to the hub
            failure = MediaUnavailable(f"{self._thread.name}: {str(error) or type(error).__name__}")
            failure.__cause__ = error
            self._report(failure)
        finally:
            self._announce_end()

    def _report(self, error: MediaError) -> None:
        if not self._stopping.is_set():
            self._fail(error)

    def _announce_end(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._finished.set)
        except RuntimeError:
            logger.debug("thread %s outlived its event loop", self._thread.name)


class Ticker:
    """Deadlines `interval` seconds apart on the monotonic clock. Those that have passed are
    skipped.
    """

    def __init__(self, interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._deadline = clock()

    def next_wait(self) -> float:
        """Seconds until the next deadline that is still ahead, and step to it."""
        now = self._clock()
        self._deadline += self._interval
        if self._deadline < now:
            missed = int((now - self._deadline) / self._interval) + 1
            self._deadline += missed * self._interval
        return self._deadline - now
