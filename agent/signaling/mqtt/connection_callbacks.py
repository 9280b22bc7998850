"""Who hears of each connect and loss."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


class ConnectionCallbacks:
    """In the order in which they were added."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[bool], None]] = []

    def add(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Returns what ends it; idempotent."""
        self._callbacks.append(callback)

        def remove() -> None:
            with contextlib.suppress(ValueError):
                self._callbacks.remove(callback)

        return remove

    def tell(self, connected: bool) -> None:
        """A callback that fails is logged, and the others hear of it all the same."""
        for callback in tuple(self._callbacks):
            try:
                callback(connected)
            except Exception:
                logger.exception("in a connection callback")
