"""Push-to-talk (PROTOCOL 2, `talk`; implements `PcmFilter`): either the remote peer is heard, or
the device is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

# seconds: a button that nobody lets go of, or whose release got lost
LONGEST = 60.0


class TalkGate:
    """While anybody talks, what comes is played and silence is sent; else the other way round.

    `talk` is called on the event loop; `now` is a monotonic clock.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # replaced, never changed: three threads look at it
        self._until: dict[Hashable, float] = {}

    def talk(self, who: Hashable, on: bool) -> None:
        """On for at most LONGEST seconds, unless it is said again."""
        others = {each: until for each, until in self._until.items() if each != who}
        self._until = others | {who: self._now() + LONGEST} if on else others

    @property
    def talking(self) -> bool:
        now = self._now()
        return any(now < until for until in self._until.values())

    def render(self, frame: bytes, delay: float) -> bytes:  # noqa: ARG002
        return frame if self.talking else bytes(len(frame))

    def capture(self, frame: bytes, delay: float) -> bytes:  # noqa: ARG002
        return bytes(len(frame)) if self.talking else frame

    def close(self) -> None:
        """Nothing is open."""
