"""One transport of a conversation at work: what takes time is done here, in order, and reported
back as inputs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agent.core.call import events as ev
from agent.core.call.reasons import CloseReason
from agent.errors import CallboxError, MediaError, NoCommonCodec, UnusableDescription
from agent.ports import Peer

logger = logging.getLogger(__name__)

# pieces of work that wait; the rules allow far fewer candidates
WORK_LIMIT = 256


class Transport:
    """Does what takes time for one transport, in order, and closes it at the end."""

    def __init__(
        self, peer: Peer, generation: int, post: Callable[[ev.Input], None], key: object
    ) -> None:
        """`key` tells it from another transport of the same generation."""
        self.peer = peer
        self.key = key
        self._generation = generation
        self._post = post
        self._work: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(maxsize=WORK_LIMIT)
        self._task = asyncio.create_task(self._drain(), name=f"callbox-transport-{generation}")

    def describe(self, make: Callable[[], Awaitable[str]]) -> None:
        async def work() -> None:
            self._post(ev.DescriptionReady(self._generation, await make()))

        self._work.put_nowait(work)

    def apply_answer(self, sdp: str) -> None:
        self._work.put_nowait(lambda: self.peer.apply_answer(sdp))

    def add_candidate(self, candidate: ev.IceCandidate | None) -> None:
        self._work.put_nowait(lambda: self.peer.add_candidate(candidate))

    def stop(self) -> None:
        """End the work, wherever it is, and close the transport."""
        self._task.cancel()

    async def run(self) -> None:
        try:
            await asyncio.wait([self._task])
        finally:
            self._task.cancel()
            try:
                await asyncio.gather(self._task, return_exceptions=True)
            finally:
                # also where this wait is given up: nobody else closes it
                await self.peer.close()

    async def _drain(self) -> None:
        while True:
            work = await self._work.get()
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the edge of the transport: every failure ends in one input
                self._post(_failure(self._generation, error))


def _failure(generation: int, error: Exception) -> ev.PeerFailed:
    """What a transport's exception means for the call."""
    match error:
        case MediaError():
            return ev.PeerFailed(generation, "no_user_media", str(error), CloseReason.NO_USER_MEDIA)
        case NoCommonCodec():
            return ev.PeerFailed(generation, "no_common_codec", str(error), CloseReason.REJECTED)
        case UnusableDescription():
            return ev.PeerFailed(generation, "unusable_sdp", str(error), CloseReason.REJECTED)
        case CallboxError():
            return ev.PeerFailed(generation, "transport_failed", str(error), CloseReason.ICE_FAILED)
    logger.error("a transport failed", exc_info=error)
    return ev.PeerFailed(generation, "internal", type(error).__name__, CloseReason.UNKNOWN_REASON)
