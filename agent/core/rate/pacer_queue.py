"""What waits on this side of the socket."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PacerQueueOptions:
    """Seconds."""

    # six frames
    long_after: float = 0.2
    # a key frame may take this long to pace out
    persistence: float = 1.0


class PacerQueueMonitor:
    """Tells a queue of our own that stays from one that a key frame makes."""

    def __init__(self, options: PacerQueueOptions | None = None) -> None:
        self._options = options or PacerQueueOptions()
        self._long_since: float | None = None

    @property
    def long(self) -> bool:
        return self._long_since is not None

    def add(self, now: float, queued_bytes: float, oldest_age: float, target: float) -> bool:
        """Whether it has been long all the time, `persistence` again after each time that it was
        said.
        """
        if max(oldest_age, queued_bytes * 8 / target) <= self._options.long_after:
            self._long_since = None
        elif self._long_since is None:
            self._long_since = now
        elif now - self._long_since >= self._options.persistence:
            self._long_since = now
            return True
        return False
