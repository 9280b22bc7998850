"""REMB: the remote peer's own estimate, which falls for a reason and climbs behind us.

A cap, not a target: it is held to 1.5 times what arrives and climbs 8 % a second, so it trails a
sender that grows. A fall is congestion; a value below our rate that climbs is lag.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RembOptions:
    """Seconds; the rest are factors."""

    # of the one before: libwebrtc lowers it only when it sees a queue
    fall: float = 0.995
    # how far we may run ahead of one that climbs: 8 % a second would never be caught up with
    slack: float = 2.5
    # a first value is the rate of arrival, and varies with the frames
    tolerance: float = 0.90
    # of what is sent; what arrives is 1 / 0.85 of it, so nearly all does
    shallow: float = 0.75
    # enough for a fall that comes before the queue shows in round trips
    early_decrease: float = 0.90
    # after a deeper fall the shallow ones belong to it
    deep_age: float = 5.0
    # climbed within it: trailing us; after a queue went, libwebrtc may hold it this long
    rise_age: float = 8.0
    # a fall agrees with losses or a long round trip for this long
    corroborates: float = 2.0
    # as long as a queue of ours may take to drain, its value is the capacity's
    fall_age: float = 8.0
    # seconds without a rise while we are ahead of it: do not grow,
    pause: float = 1.6
    # where the round trip is this much over its base
    pause_delay: float = 0.01
    # after a fall while nothing waits in the network: then it climbs, or it is a cap indeed
    doubt: float = 3.0
    # REMB is sent at least once a second; an older value is ignored
    age: float = 5.0


class RembEstimate:
    """The last value, and what its course tells."""

    def __init__(self, options: RembOptions | None = None) -> None:
        self.options = options or RembOptions()
        self.bitrate = 0.0
        self._at = self._rose_at = self._fell_at = self._deep_at = self._dropped_at = -math.inf

    def add(
        self, now: float, bitrate: float, target: float, sending: float, *, doubtful: bool
    ) -> bool:
        """Whether it fell, and under `target`. In doubt a fall counts only if less arrives than is
        sent.
        """
        options, before = self.options, self.bitrate
        known = self.known(now)
        if bitrate < options.shallow * (min(sending, before) if known else sending):
            self._deep_at = now
        fell = known and bitrate < options.fall * before and (self.deep(now) or not doubtful)
        if fell:
            self._rose_at, self._dropped_at = -math.inf, now
        elif not known or not options.fall * before <= bitrate <= before:
            self._rose_at = now
        self.bitrate, self._at = bitrate, now
        if fell and bitrate < target:
            self._fell_at = now
            return True
        return False

    def known(self, now: float) -> bool:
        return now - self._at <= self.options.age

    def deep(self, now: float) -> bool:
        """Lately much less arrived than was sent."""
        return now - self._deep_at < self.options.deep_age

    def corroborates(self, now: float) -> bool:
        """A recent fall agrees that there is congestion."""
        return now - self._fell_at <= self.options.corroborates

    def arrives(self, now: float) -> float | None:
        """bit/s that libwebrtc measured when it last saw a queue; None where that is long ago."""
        return self.bitrate if now - self._fell_at <= self.options.fall_age else None

    def cap(self, now: float, *, refuted: bool) -> float:
        """The most to send, in bit/s. `refuted`: all that is sent arrives in time. Then one that
        moves is wrong, and one that stands a wish.
        """
        if not self.known(now):
            return math.inf
        trailing = now - self._rose_at < self.options.rise_age
        if refuted and (trailing or now - self._dropped_at < self.options.doubt):
            return math.inf
        return self.bitrate * (self.options.slack if trailing else 1.0)

    def paused(self, now: float, target: float) -> bool:
        """We are ahead of it and it does not follow: it sees a queue."""
        return (
            self.known(now) and target > self.bitrate and now - self._rose_at > self.options.pause
        )
