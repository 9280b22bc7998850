"""What a simulated link is like, and what happened on it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

# (from this second on, value), ascending, the first at 0
Schedule = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """What lies between. `capacity` in bit/s on the wire, `loss` 0..1; seconds and bytes
    otherwise.
    """

    capacity: Schedule
    propagation_delay: Schedule = ((0.0, 0.02),)  # one way
    loss: Schedule = ((0.0, 0.0),)
    # (from, to): nothing passes, in either direction
    outages: Sequence[tuple[float, float]] = ()
    queue_bytes: int = 100_000
    remb: bool = True
    # whether reports name the newest packet; without, only round trips tell of a queue
    arrivals: bool = True
    # feedback on each packet, in the place of REMB
    transport_wide: bool = False
    # what the encoder makes of its target: under 1, a scene too simple to fill it
    encoder_ratio: float = 1.0
    # seconds; such a frame is six times the mean
    key_frame_interval: float | None = None
    seed: int = 1


@dataclass(slots=True)
class Trace:
    """What happened. Times in seconds, rates in bit/s on the wire."""

    # each target from the moment it was applied
    targets: list[tuple[float, int]] = field(default_factory=list)
    sent: list[tuple[float, int]] = field(default_factory=list)  # (time, bytes)
    # of all that was sent
    octets: int = 0
    # (arrival, seconds over propagation)
    latency: list[tuple[float, float]] = field(default_factory=list)
    # (time, why, quality limitation reason)
    probes: list[tuple[float, float]] = field(default_factory=list)  # (time, bit/s)
    reasons: list[tuple[float, str, str]] = field(default_factory=list)

    def send(self, at: float, size: int) -> None:
        self.sent.append((at, size))
        self.octets += size

    def target_at(self, at: float) -> int:
        return self.targets[bisect_right(self.targets, (at, 1 << 62)) - 1][1]

    def targets_between(self, start: float, end: float) -> list[int]:
        return [self.target_at(start), *(value for at, value in self.targets if start < at <= end)]

    def mean_target(self, start: float, end: float) -> float:
        edges = [start, *(at for at, _ in self.targets if start < at < end), end]
        return sum((b - a) * self.target_at(a) for a, b in pairwise(edges)) / (end - start)

    def sent_bitrate(self, start: float, end: float) -> float:
        first, behind = (bisect_left(self.sent, (at, 0)) for at in (start, end))
        return 8 * sum(size for _, size in self.sent[first:behind]) / (end - start)

    def worst_latency(self, start: float, end: float) -> float:
        return max(
            (seconds for at, seconds in self.latency if start <= at < end), default=float("inf")
        )

    def first_time(self, start: float, reached: Callable[[int], bool]) -> float:
        """Seconds from `start` until the target satisfies `reached`; infinity if it never does."""
        if reached(self.target_at(start)):
            return 0.0
        return next(
            (at - start for at, value in self.targets if at > start and reached(value)),
            float("inf"),
        )
