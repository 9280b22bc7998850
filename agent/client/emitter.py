"""Who wants to hear of an event: typed subscription, and the `on(name, callback)` of the video
SDKs.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from agent.core.call import events as ev
from agent.core.statistics.reports import CallRecord, LocalStats, RemoteStats

logger = logging.getLogger(__name__)

Callback = Callable[..., Awaitable[None] | None]
Unsubscribe = Callable[[], None]

EVENT_NAMES: dict[type, str] = {
    ev.Called: "called",
    ev.RemoteRinging: "ringing",
    ev.InvitationAnswered: "response",
    ev.Connected: "connected",
    ev.StreamReceived: "stream_received",
    ev.Degraded: "degraded",
    ev.Restored: "restored",
    ev.ErrorRaised: "error",
    LocalStats: "local_stats",
    RemoteStats: "remote_stats",
    CallRecord: "closed",
}


class Emitter:
    """Callbacks by name. A coroutine function is run by `spawn`, whose owner awaits it; what fails
    is logged.
    """

    def __init__(self, spawn: Callable[[Awaitable[None]], Any]) -> None:
        self._spawn = spawn
        self._callbacks: dict[str, list[Callback]] = {}

    def on(self, name: str, callback: Callback) -> Unsubscribe:
        """Call `callback` for each event `name`. Returns what ends that; calling it twice is
        harmless.
        """
        callbacks = self._callbacks.setdefault(name, [])
        callbacks.append(callback)

        def off() -> None:
            if callback in callbacks:
                callbacks.remove(callback)

        return off

    def emit(self, name: str, *arguments: Any) -> None:
        for callback in tuple(self._callbacks.get(name, ())):
            try:
                result = callback(*arguments)
            except Exception:
                # an application's callback must not end the call
                logger.exception("a callback for %s failed", name)
                continue
            if inspect.isawaitable(result):
                self._spawn(result)
