"""What has arrived, and what still waits in the network: reports of the highest sequence number
beside what was sent.

Every receiver report names the newest packet that arrived. With a history of what left when, that
is a rate of arrival between two reports, and the queue at the bottleneck: what left more than a
shortest round trip ago and has not arrived. A capacity measured so is exact where a queue stood all
the time between, and otherwise a bound: what arrived was carried. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from agent.core.rate.rate_history import HISTORY_AGE

_SEQUENCE_NUMBERS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalOptions:
    """Seconds; the rest are fractions."""

    # between two reports that are compared: eight frames, so that one is no rate
    interval: float = 0.25
    # reports closer than this tell of one moment
    apart: float = 0.1
    # three reports of a browser: a queue that none of them misses stands
    window: float = 0.6
    # of waiting at both: a queue that stood all the time
    threshold: float = 0.05
    # of waiting at one of them: a queue, whatever was before
    severe: float = 0.2
    # of what there was to carry has arrived: less is congestion, not noise
    share: float = 0.9
    # without sending, after which a queue may have been empty in between
    gap: float = 0.1
    # from one to the other: it grows, where a longer path stays as it is
    rising: float = 0.03
    # more lost, and what arrived proves nothing
    loss: float = 0.05


ARRIVALS = ArrivalOptions()


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one report tells, beside one at least `interval` older. Octets are those of the
    sender's history.
    """

    # octets that waited in the network when it was made
    queued: float
    # seconds that the newest packet had waited there
    delay: float
    # when the older report came
    since: float
    # bit/s that arrived between the two
    rate: float
    # of what the network had to carry meanwhile, how much arrived
    share: float
    # what was sent left no time for a queue to be empty in between
    busy: bool
    # a queue was there all the time: `rate` is the capacity
    stood: bool
    # a long one is there now; a receiver that was late for a moment is not taken for one
    severe: bool
    # it grows, or overflows
    overload: bool
    # seconds, the least delay of the reports of the last `window`
    standing: float


class _Departure(NamedTuple):
    # of the last packet, counted without wrapping
    number: int
    # sent up to and with it
    octets: int
    at: float


class _Report(NamedTuple):
    at: float
    # when the newest packet that arrived was sent
    left_at: float
    number: int
    octets: float  # arrived or lost
    lost: int  # packets
    queued: float
    delay: float


class Arrivals:
    """One stream's history. Bounded: what has arrived is forgotten, and what is older than
    `HISTORY_AGE`.
    """

    def __init__(self, options: ArrivalOptions = ARRIVALS) -> None:
        self.options = options
        # what has not arrived, and all of it
        self._departures: deque[_Departure] = deque()
        self._left: deque[_Departure] = deque()
        self._reports: deque[_Report] = deque()
        self._octets = 0
        # (when it ended, seconds), the longer ones that arrived
        self._gaps: deque[tuple[float, float]] = deque()

    def sent(self, now: float, sequence_number: int, octets: int) -> None:
        """Packets have left, the last with this sequence number, `octets` all together."""
        self._octets += octets
        number = sequence_number
        if self._departures:
            last = self._departures[-1].number
            number = last + (sequence_number - last) % _SEQUENCE_NUMBERS
        departure = _Departure(number, self._octets, now)
        self._departures.append(departure)
        self._left.append(departure)
        while self._left[0].at < now - HISTORY_AGE:
            self._left.popleft()
        while len(self._departures) > 2 and self._departures[1].at < now - HISTORY_AGE:
            self._departures.popleft()

    def resent(self, octets: int) -> None:
        """Not in the order of the sequence numbers, but in the way of what follows."""
        self._octets += octets

    def report(self, now: float, highest: int, lost: int, path: float) -> Arrival | None:
        """`highest` may be extended; `lost` counts packets from the start, `path` is the shortest
        round trip.

        None where the history does not reach, or no older report is there to compare with.
        """
        number = self._number_of(highest)
        if number is None or (self._reports and number < self._reports[-1].number):
            return None
        arrived, left_at = self._arrived(number)
        queued = max(0.0, self._sent_before(now - path) - arrived)
        delay = max(0.0, now - left_at - path) if queued else 0.0
        report = _Report(now, left_at, number, arrived, lost, queued, delay)
        older = self._older(now)
        self._reports.append(report)
        return None if older is None else self._compare(older, report)

    def forget_reports(self) -> None:
        """What was reported so far is nothing to compare with: it spans an outage."""
        self._reports.clear()

    def left_at(self, sequence_number: int) -> float | None:
        """When this packet left; None where the history does not reach."""
        if not self._left or not self._departures:
            return None
        last = self._departures[-1].number
        number = last - (last - sequence_number) % _SEQUENCE_NUMBERS
        if number < self._left[0].number:
            return None
        # the first burst that reaches it
        return self._left[bisect_left(self._left, number, key=lambda burst: burst.number)].at

    def _number_of(self, highest: int) -> int | None:
        if not self._departures:
            return None
        first, last = self._departures[0].number, self._departures[-1].number
        number = last - (last - highest) % _SEQUENCE_NUMBERS
        return number if number >= first else None

    def _arrived(self, number: int) -> tuple[float, float]:
        """Octets up to this packet, and when it left. Forgets what is not needed any more."""
        while len(self._departures) > 1 and self._departures[1].number <= number:
            self._note_gap()
        first = self._departures[0]
        if first.number == number or len(self._departures) == 1:
            return first.octets, first.at
        burst = self._departures[1]
        part = (number - first.number) / (burst.number - first.number)
        return first.octets + part * (burst.octets - first.octets), burst.at

    def _note_gap(self) -> None:
        before = self._departures.popleft()
        gap = self._departures[0].at - before.at
        while self._gaps and self._gaps[-1][1] <= gap:
            self._gaps.pop()
        self._gaps.append((self._departures[0].at, gap))

    def _longest_gap(self, since: float) -> float:
        while self._gaps and self._gaps[0][0] < since:
            self._gaps.popleft()
        return self._gaps[0][1] if self._gaps else 0.0

    def _sent_before(self, at: float) -> float:
        """Octets that had left by then."""
        octets = float(self._departures[0].octets)
        for departure in self._departures:
            if departure.at > at:
                break
            octets = departure.octets
        return octets

    def _compare(self, older: _Report, newer: _Report) -> Arrival:
        options, delay = self.options, newer.delay
        octets, packets = newer.octets - older.octets, newer.number - older.number
        lost = min(1.0, max(0, newer.lost - older.lost) / packets) if packets else 0.0
        # what was resent fared no better
        arrived = octets * (1 - lost)
        to_carry = octets + newer.queued - older.queued
        share = min(1.0, arrived / to_carry) if to_carry > 0 else 1.0
        stood = min(delay, older.delay)
        busy = self._longest_gap(older.left_at) <= max(stood, options.gap)
        grows = delay - older.delay > options.rising or lost > options.loss
        recent = (
            report.delay for report in self._reports if report.at >= newer.at - options.window
        )
        return Arrival(
            queued=newer.queued,
            delay=delay,
            since=older.at,
            rate=8 * arrived / (newer.at - older.at),
            share=share,
            busy=busy,
            stood=busy and stood > options.threshold,
            severe=delay > options.severe and self._is_confirmed(newer.at),
            overload=grows and share < options.share,
            standing=min(recent),
        )

    def _is_confirmed(self, now: float) -> bool:
        """Reports that come together because the receiver was late are one."""
        apart = (
            report for report in reversed(self._reports) if report.at <= now - self.options.apart
        )
        before = next(apart, None)
        recent = before is not None and before.at > now - 2 * self.options.interval
        return before is None or not recent or before.delay > self.options.threshold

    def _older(self, now: float) -> _Report | None:
        """The latest report that is old enough. Forgets those that are not needed any more."""
        enough = now - self.options.interval
        while len(self._reports) > 1 and self._reports[1].at <= now - self.options.window:
            self._reports.popleft()
        return next((report for report in reversed(self._reports) if report.at <= enough), None)
