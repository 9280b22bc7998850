"""How long sound must wait for what comes late. Pure: time is an argument."""

from __future__ import annotations

import math
from collections import deque

# seconds between a packet's arrival and its sound, at most
MAX_DELAY = 0.25
# seconds of it that are left for one packet
LEAST = 0.02
# of packets that are to be in time
IN_TIME = 0.97
# seconds on top of it: players read in steps
GUARD = 0.005
# seconds of jitter that a stream is thought to have before it has shown its own, in so many packets
FIRST_JITTER = 0.01
SHOWN = 100
# packets that the estimate looks back on, ten seconds of speech; seconds, of speech with pauses
WINDOW = 500
MEMORY = 10.0
# a timestamp so far off, in seconds, belongs to another stream
OTHER_STREAM = 3.0


class DelayEstimate:
    """How late the packets of one stream arrive: seconds between the time of a packet's first
    sample by the sender's clock, which begins anywhere, and its arrival by ours.
    """

    def __init__(self) -> None:
        # with the time of each one's arrival
        self._transits: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._seen = self._since = 0
        self._late = 0.0
        self.least = math.inf
        # seconds that packets are to be earlier than in time
        self.ahead = 0.0

    def add(self, at: float, transit: float) -> None:
        """Of a packet that arrived `at` this time."""
        while self._transits and at - self._transits[0][0] > MEMORY:
            self._transits.popleft()
        self._transits.append((at, transit))
        self._seen += 1
        self._since += 1
        self.least = min(self.least, transit)
        # sorted seldom once there are many; what is later than all counts at once
        if self._since * 20 >= len(self._transits):
            self._since = 0
            ordered = sorted(transit for _, transit in self._transits)
            self.least = ordered[0]
            self._late = ordered[min(len(ordered) - 1, int(IN_TIME * len(ordered)))]

    @property
    def target(self) -> float:
        """The delay, counted like a transit, that lets enough packets be in time."""
        prior = FIRST_JITTER * max(0.0, 1 - self._seen / SHOWN)
        wanted = max(self._late + GUARD, self.least + prior) + self.ahead
        return min(wanted, self.least + MAX_DELAY - LEAST)

    def is_foreign(self, transit: float) -> bool:
        """Whether it cannot belong to this stream."""
        return bool(self._transits) and abs(transit - self._late) > OTHER_STREAM
