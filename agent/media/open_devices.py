"""Which of camera and microphone are open: for a light that says so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial


class OpenDevices:
    """Told by whoever opens one, before that, and once it is closed; from any thread.

    Whoever has subscribed is called in that very thread, with whether any is open, each time that
    this changes: so a light is on before the camera is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[str] = set()
        self._observers: list[Callable[[bool], None]] = []

    def subscribe(self, observer: Callable[[bool], None]) -> None:
        self._observers.append(observer)

    def watcher(self, name: str) -> Callable[[bool], None]:
        """What the device `name` is to call with whether it is open."""
        return partial(self._tell, name)

    @property
    def names(self) -> frozenset[str]:
        """Those that are open."""
        with self._lock:
            return frozenset(self._open)

    def _tell(self, name: str, is_open: bool) -> None:
        # held while the observers are called, so that they hear changes in their order
        with self._lock:
            before = bool(self._open)
            if is_open:
                self._open.add(name)
            else:
                self._open.discard(name)
            now = bool(self._open)
            if now != before:
                for observer in self._observers:
                    observer(now)
