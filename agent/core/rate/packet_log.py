"""The packets of a transport by their transport-wide numbers: when each left, and when it arrived.

Arrays rather than objects: there are hundreds of packets a second, and seconds of them. Pure.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_NUMBERS = 1 << 16
# packets that are remembered: ten seconds of 4 Mbit/s; divides the numbers
_SIZE = 4096
# no number of a packet
_NONE = -(1 << 60)


class LoggedPacket(NamedTuple):
    """Seconds by our clock, and by the remote peer's."""

    left_at: float
    arrived_at: float
    octets: int


class PacketLog:
    """The last `_SIZE` packets. Numbers are counted without wrapping, but for those of 16 bits."""

    def __init__(self) -> None:
        # of the packet that leaves next
        self.next_number = 0
        self._octets = 0
        # which packet stands in each place
        self._numbers = array("q", [_NONE]) * _SIZE
        self._left_at = array("d", [0.0]) * _SIZE
        # NaN where it is not known to have arrived
        self._arrived_at = array("d", [math.nan]) * _SIZE
        # sent up to and with it
        self._octets_up_to = array("q", [0]) * _SIZE
        # the first of those that left together with it
        self._bursts = array("q", [0]) * _SIZE

    def sent(self, now: float, number: int, sizes: Sequence[int]) -> None:
        """Packets have left together, the first with this number of 16 bits."""
        number = burst = self.next_number + (number - self.next_number) % _NUMBERS
        for size in sizes:
            self._octets += size
            at = number % _SIZE
            self._numbers[at], self._left_at[at], self._bursts[at] = number, now, burst
            self._octets_up_to[at], self._arrived_at[at] = self._octets, math.nan
            number += 1
        self.next_number = number

    def number_of(self, number: int) -> int:
        """Of 16 bits of it: the latest such packet that has left."""
        last = self.next_number - 1
        return last - (last - number) % _NUMBERS

    def knows(self, number: int) -> bool:
        return self._numbers[number % _SIZE] == number

    def left_at(self, number: int) -> float:
        return self._left_at[number % _SIZE]

    def burst_of(self, number: int) -> int:
        return self._bursts[number % _SIZE]

    def octets_of(self, number: int) -> int:
        """0 where the one before it is forgotten."""
        before = self._octets_up_to[(number - 1) % _SIZE] if self.knows(number - 1) else None
        return 0 if before is None else self._octets_up_to[number % _SIZE] - before

    def note_arrival(self, number: int, at: float) -> None:
        self._arrived_at[number % _SIZE] = at

    def arrived(self, first: int, last: int) -> Iterator[LoggedPacket]:
        """Of these packets those that have arrived."""
        for number in range(first, last + 1):
            at = number % _SIZE
            if self.knows(number) and not math.isnan(self._arrived_at[at]):
                yield LoggedPacket(self._left_at[at], self._arrived_at[at], self.octets_of(number))

    def octets_behind(self, number: int, left_by: float) -> int:
        """That left after this packet, up to that time."""
        octets = self._octets_up_to[number % _SIZE]
        for each in range(number + 1, self.next_number):
            if not self.knows(each) or self.left_at(each) > left_by:
                break
            octets = self._octets_up_to[each % _SIZE]
        return octets - self._octets_up_to[number % _SIZE]
