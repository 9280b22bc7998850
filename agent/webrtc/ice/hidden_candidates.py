"""Candidates whose address is a `.local` name, looked up behind everything else.

A browser that may not use the microphone hides its addresses so. Where the device may be reached,
its own checks are enough; behind a firewall of its own the device has to send first, and to know
where to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiortc.rtcicetransport import RTCIceCandidate

log = logging.getLogger(__name__)

# of one connection: a browser has one for each of its addresses
MAX_NAMES = 4
# each waits a second for an answer (RFC 6762 5.2 asks again after one)
ATTEMPTS = 3


class HiddenCandidates:
    """The lookups of one connection; `look_up` tells whether a name was found, and may raise
    OSError. `close` ends them.
    """

    def __init__(self, look_up: Callable[[RTCIceCandidate], Awaitable[bool]]) -> None:
        self._look_up = look_up
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._running = 0
        # names that nobody has answered to
        self.unknown = 0

    @property
    def count(self) -> int:
        """How many have come, of those that are looked up."""
        return len(self._tasks)

    @property
    def pending(self) -> bool:
        return self._running > 0

    def add(self, candidate: RTCIceCandidate, then: Callable[[], Awaitable[None]]) -> None:
        """Look it up in the background, and call `then`. Too many, and one that is known, are
        passed over.
        """
        key = candidate.ip.lower(), candidate.port
        if key not in self._tasks and len(self._tasks) < MAX_NAMES:
            self._running += 1
            self._tasks[key] = asyncio.create_task(self._run(candidate, then), name="mdns")

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _run(self, candidate: RTCIceCandidate, then: Callable[[], Awaitable[None]]) -> None:
        found = False
        try:
            found = await self._found(candidate)
        except Exception:
            # the edge of the task: the call goes on without this candidate
            log.exception("a .local name could not be looked up")
        self._running -= 1
        self.unknown += not found
        await then()

    async def _found(self, candidate: RTCIceCandidate) -> bool:
        try:
            for _ in range(ATTEMPTS):
                if await self._look_up(candidate):
                    return True
        except OSError as error:
            log.info("the .local names of the remote peer cannot be looked up: %s", error)
        return False
