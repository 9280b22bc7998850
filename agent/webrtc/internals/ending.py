"""The end of a connection, whatever the remote peer did before: nothing of it stays open.

aiortc waits for events that are never set where a task of its own fell; its sockets come last.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aioice.ice
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender

log = logging.getLogger(__name__)

# seconds for tasks that are ending, and again for those that are cancelled
FINISH_TIMEOUT = 1.0


def report_always(stream: RTCRtpSender | RTCRtpReceiver) -> None:
    """Let the RTCP of a stream go on after an error of its code, and tell its end in any case."""
    owner: Any = stream
    run, kind = owner._run_rtcp, type(stream).__name__

    async def run_to_the_end() -> None:
        ended = told = False
        try:
            while not ended:
                try:
                    # it begins with a pause, and returns once it is cancelled
                    await run()
                    ended = True
                except Exception:
                    if not told:
                        log.exception("RTCP of %s failed, and goes on", kind)
                    told = True
        finally:
            getattr(owner, f"_{kind}__rtcp_exited").set()

    owner._run_rtcp = run_to_the_end


def release(pc: RTCPeerConnection) -> set[asyncio.Future[Any]]:
    """Stop waiting for streams that do not end; returns the tasks that are ending by it."""
    tasks: set[asyncio.Future[Any]] = set()
    for transceiver in pc.getTransceivers():
        tasks |= _release_stream(transceiver.sender, ("rtp", "rtcp"))
        tasks |= _release_stream(transceiver.receiver, ("rtcp",))
        transceiver.receiver._RTCRtpReceiver__stop_decoder()  # type: ignore[attr-defined]
    return tasks


def _release_stream(
    stream: RTCRtpSender | RTCRtpReceiver, loops: tuple[str, ...]
) -> set[asyncio.Future[Any]]:
    found, kind = set(), type(stream).__name__
    for loop in loops:
        task: asyncio.Future[Any] | None = getattr(stream, f"_{kind}__{loop}_task", None)
        if task is not None:
            task.cancel()
            found.add(task)
        getattr(stream, f"_{kind}__{loop}_started").set()
        getattr(stream, f"_{kind}__{loop}_exited").set()
    return found


def release_relays(protocols: list[aioice.ice.StunProtocol]) -> set[asyncio.Future[Any]]:
    """Stop waiting for TURN servers that do not confirm the end of an allocation."""
    tasks: set[asyncio.Future[Any]] = set()
    for protocol in protocols:
        relay: Any = protocol.transport
        if getattr(relay, "_TurnTransport__close_task", None) is not None:
            tasks |= {relay._TurnTransport__close_task, *relay._TurnTransport__send_tasks}
    for task in tasks:
        task.cancel()
    return tasks


def abort(
    ice: aioice.ice.Connection, protocols: list[aioice.ice.StunProtocol]
) -> set[asyncio.Future[Any]]:
    """Close what is still open of `protocols` at once; returns tasks of `ice` that end by it."""
    found = [ice._query_consent_task, *(pair.task for pair in ice._check_list)]
    tasks: set[asyncio.Future[Any]] = {task for task in found if task and not task.done()}
    for task in tasks:
        task.cancel()
    ice._closing = True
    ice._nominated.clear()
    for protocol in {*protocols, *ice._protocols}:
        protocol.transport.abort()
    ice._queue.put_nowait(None)
    return tasks


async def finish(tasks: set[asyncio.Future[Any]]) -> None:
    """Wait for what should be ending by itself; cancel what is not."""
    if not tasks:
        return
    done, pending = await asyncio.wait(tasks, timeout=FINISH_TIMEOUT)
    for task in pending:
        log.warning("cancelling %r, which does not end", task)
        task.cancel()
    if pending:
        done |= (await asyncio.wait(pending, timeout=FINISH_TIMEOUT))[0]
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("%r failed at the end", task, exc_info=error)
