"""A part that the device can do without: where it does not start, the device takes calls all the
same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from agent.device.device_state import DeviceState
from agent.errors import CallboxError

logger = logging.getLogger(__name__)

# seconds for the first attempt, after which the device goes on without its outcome
START_TIMEOUT = 5.0
# seconds until the second attempt, and the most between two: each pause is twice the one before
RETRY_FIRST = 2.0
RETRY_LONGEST = 60.0


class OptionalPart:
    """An async context around the one that `make` makes, anew for each attempt.

    What keeps it from starting is logged once for each reason, and stands in `state` until it has
    started. Both its ends are in one task, which leaving this awaits.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], AbstractAsyncContextManager[object]],
        state: DeviceState,
        *,
        start_timeout: float = START_TIMEOUT,
        retry_first: float = RETRY_FIRST,
    ) -> None:
        self._name = name
        self._make = make
        self._state = state
        self._start_timeout = start_timeout
        self._retry_first = retry_first
        self._decided = asyncio.Event()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Return once the first attempt has succeeded or failed, or takes long."""
        self._tasks.append(asyncio.create_task(self._run(), name=f"callbox-{self._name}"))
        try:
            async with asyncio.timeout(self._start_timeout):
                await self._decided.wait()
        except TimeoutError:
            logger.warning("the %s takes its time to start; going on", self._name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for task in self._tasks:
            if not self._decided.is_set():
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        pause = self._retry_first
        while not self._stopping.is_set():
            try:
                async with self._make():
                    self._report(None)
                    await self._stopping.wait()
            except (CallboxError, OSError) as error:
                self._report(str(error))
            except Exception as error:
                # the edge of what the device can do without, whatever is wrong with it
                logger.exception("in the %s", self._name)
                self._report(f"{type(error).__name__}: {error}")
            await self._wait(pause)
            pause = min(2 * pause, RETRY_LONGEST)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _report(self, reason: str | None) -> None:
        before = self._state.faults.get(self._name)
        self._state.part_failed(self._name, reason)
        self._decided.set()
        if reason is not None and reason != before:
            logger.error("without the %s, trying again: %s", self._name, reason)
        elif reason is None and before is not None:
            logger.info("the %s works now", self._name)
