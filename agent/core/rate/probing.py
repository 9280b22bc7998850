"""Probes: a short burst above the rate tells whether the path holds more, which growing would find
out much later.

Where nothing waits in the network and the rate is under the most that is wanted, packets are sent
for some fifty milliseconds at a multiple of it. What fits arrives as fast as it was sent; what does
not arrives at the capacity. A queue of a probe is as short as the probe. Pure: time is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOptions:
    """Seconds; the rest are factors, but for `packets`."""

    # of the estimate: what is found to fit doubles it
    factor: float = 2.0
    # after one that failed: where it fails for long, it should take no room
    factor_again: float = 1.5
    # a video stream's pauses between pictures are as long
    duration: float = 0.05
    # fewer tell no rate
    packets: int = 6
    # without trouble, before the first one; and between two of which the second may fail
    interval: float = 2.0
    # after one that failed the wait doubles, up to this
    longest_interval: float = 3.0
    # for which one that failed tells what the path holds
    counts: float = 8.0
    # after one that passed
    next_after: float = 0.4
    # for its feedback
    patience: float = 1.0
    # of the rate at which it was sent, as the draft has it: less is a queue
    passed: float = 0.9
    # of what arrived, which counts headers; of what fills the path, which carries sound as well
    margin: float = 0.95
    full: float = 0.80
    # of waiting by its last packet: a receiver that was late hides a queue
    clear: float = 0.03
    # of the packets of one must be told of
    told: float = 0.8
    # of the target is sent: more than that would be of no use
    used: float = 0.7


class Probe(NamedTuple):
    """To be sent: bit/s with headers, for so many seconds."""

    bitrate: float
    seconds: float


class ProbePacket(NamedTuple):
    """One that arrived; seconds by the two clocks, `delay` over the shortest one."""

    left_at: float
    arrived_at: float
    octets: int
    delay: float


@dataclass(frozen=True, slots=True)
class Fits:
    """bit/s of video that the path holds; `whole`: all of the probe, and there may be more."""

    bitrate: float
    whole: bool


class Prober:
    """At most one at a time."""

    def __init__(self, options: ProbeOptions | None = None, *, packet: int = 1250) -> None:
        """`packet`: octets of a full one on the wire."""
        self.options = options or ProbeOptions()
        self._packet = packet
        self._interval = self.options.interval
        self._due_at = -math.inf
        self._calm_since: float | None = None
        # what is on its way: its first and last packet, and until when it is waited for
        self._first: int | None = None
        self._last: int | None = None
        self._until = -math.inf
        self._fits, self._fits_until = math.inf, -math.inf

    def disturb(self) -> None:
        """There is a queue, or loss: not now."""
        self._calm_since = None

    def due(self, now: float, estimate: float, most: float) -> Probe | None:
        """One to send now; `most` bit/s are wanted."""
        options = self.options
        if self._calm_since is None:
            self._calm_since = now
        waits = self._first is not None and now < self._until
        if waits or now < max(self._due_at, self._calm_since + options.next_after):
            return None
        if estimate >= options.margin * most:
            return None
        factor = options.factor_again if now < self._fits_until else options.factor
        bitrate = min(factor * estimate, most) / options.margin
        seconds = max(options.duration, 8 * options.packets * self._packet / bitrate)
        self._due_at = now + self._interval
        return Probe(bitrate, seconds)

    def began(self, now: float, number: int) -> None:
        """The next packet, with this transport-wide number, is its first."""
        self._first, self._last = number, None
        self._until = now + self.options.patience

    def ended(self, now: float, number: int) -> None:
        """The next packet is none of it any more."""
        self._last, self._until = number - 1, now + self.options.patience

    def judge(
        self, now: float, told: int, arrived: Callable[[int, int], Iterator[ProbePacket]]
    ) -> Fits | None:
        """What it has shown; `told`: the newest packet of which there is feedback, `arrived`: those
        of a range that did.
        """
        first, last, options = self._first, self._last, self.options
        if first is None or last is None or (told < last and now < self._until):
            return None
        self._first = None
        packets = list(arrived(first, last))
        rates = _rates(packets)
        if rates is None or len(packets) < options.told * (last - first + 1):
            self._failed(now)
            return None
        sent, received = rates
        if received >= options.passed * sent and packets[-1].delay <= options.clear:
            self._interval = options.interval
            self._due_at = now + options.next_after
            self._fits_until = -math.inf
            return Fits(options.margin * min(sent, received), whole=True)
        self._failed(now)
        self._fits, self._fits_until = options.full * min(sent, received), now + options.counts
        return Fits(self._fits, whole=False)

    def limit(self, now: float) -> float:
        """bit/s of video that the last probe has shown to fill the path: growing beyond it is left
        to the next one.
        """
        return self._fits if now < self._fits_until else math.inf

    def _failed(self, now: float) -> None:
        self._due_at = now + self._interval
        self._interval = min(2 * self._interval, self.options.longest_interval)


def _rates(packets: list[ProbePacket]) -> tuple[float, float] | None:
    """bit/s at which they were sent, and at which they arrived."""
    if len(packets) < 2:
        return None
    first, last = packets[0], packets[-1]
    sending, arriving = last.left_at - first.left_at, last.arrived_at - first.arrived_at
    if sending <= 0:
        return None
    octets = sum(packet.octets for packet in packets)
    # what leaves at the end takes no part of the time in which the rest left, and so on arrival
    leaving = sum(packet.octets for packet in packets if packet.left_at < last.left_at)
    received = math.inf if arriving <= 0 else 8 * (octets - first.octets) / arriving
    return 8 * leaving / sending, received
