"""Who wants to hear of an event: typed subscription, and the `on(name, callback)` of the video
SDKs.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

logger = logging.getLogger(__name__)

Callback = Callable[..., Awaitable[None] | None]
Unsubscribe = Callable[[], None]


class Emitter:
    """Callbacks by name, of the `names` that there are, and those for everything.

    A coroutine function is run by `spawn`, whose owner awaits it; what fails is logged.
    """

    def __init__(self, spawn: Callable[[Awaitable[None]], Any], names: Iterable[str] = ()) -> None:
        self._spawn = spawn
        self._callbacks: dict[str, list[Callback]] = {name: [] for name in names}
        self._everything: list[Callback] = []

    def on(self, name: str, callback: Callback) -> Unsubscribe:
        """Call `callback` for each event `name`. Returns what ends that; calling it twice is
        harmless. Raises ValueError for a name that there is not.
        """
        callbacks = self._callbacks.get(name)
        if callbacks is None:
            known = ", ".join(sorted(self._callbacks))
            raise ValueError(f"there is no event {name!r}; there are {known}")
        return _added(callbacks, callback)

    def on_everything(self, callback: Callback) -> Unsubscribe:
        """Call `callback` for each `emit_everything`. Returns what ends that."""
        return _added(self._everything, callback)

    def emit(self, name: str, *arguments: Any) -> None:
        for callback in tuple(self._callbacks[name]):
            self._call(callback, name, arguments)

    def emit_everything(self, *arguments: Any) -> None:
        for callback in tuple(self._everything):
            self._call(callback, "every event", arguments)

    def _call(self, callback: Callback, name: str, arguments: tuple[Any, ...]) -> None:
        try:
            result = callback(*arguments)
        except Exception:
            # an application's callback must not end the call
            logger.exception("a callback for %s failed", name)
            return
        if inspect.isawaitable(result):
            self._spawn(result)


def _added(callbacks: list[Callback], callback: Callback) -> Unsubscribe:
    callbacks.append(callback)

    def off() -> None:
        if callback in callbacks:
            callbacks.remove(callback)

    return off
