"""What has arrived, and what still waits in the network, by transport-wide feedback: the remote
peer tells of each packet when it arrived.

The same verdicts as `arrivals` gives of receiver reports, ten times a second and without guesses:
nothing of the way back is in them. The clocks of the two sides have nothing in common. So delay is
what exceeds the shortest that was seen, of the first packet of each burst that arrived: what
follows it waits for it, and no queue need stand. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agent.core.rate.arrivals import ARRIVALS, Arrival, ArrivalOptions
from agent.core.rate.packet_log import PacketLog
from agent.core.rate.probing import ProbePacket

# bursts that are compared: two seconds of pictures, each in parts
_BURSTS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PathOptions:
    """Seconds."""

    # the shortest delay of one to two of these is the path without a queue; clocks drift by 50 ppm
    base_window: float = 15.0
    # feedback is that often, and older packets tell nothing new
    apart: float = 0.05
    # between two feedbacks: an outage, or another clock
    jump: float = 10.0
    # of waiting that is none: timers and the packets of a burst
    noise: float = 0.01


class _Burst(NamedTuple):
    """Packets that left together, by the first of them."""

    left_at: float
    # by the remote peer's clock
    arrived_at: float
    # seconds over the shortest
    delay: float
    # since the one before left
    gap: float


class _Moment(NamedTuple):
    """What was known when a feedback came."""

    # by our clock
    at: float
    # by the remote peer's
    arrived_at: float
    # octets that arrived so far, packets that did not, and all that were told of
    arrived: int
    lost: int
    told: int
    queued: int
    delay: float


class TransportArrivals:
    """One transport's history; bounded."""

    def __init__(self, options: ArrivalOptions = ARRIVALS, path: PathOptions | None = None) -> None:
        self.options = options
        self._path = path or PathOptions()
        self.log = PacketLog()
        self.newest_told = -1
        """Of those that feedback told of."""
        self._moments: deque[_Moment] = deque()
        self._bursts: deque[_Burst] = deque(maxlen=_BURSTS)
        self._base = _ShortestDelay(self._path.base_window)
        self._newest_burst = -1
        self._arrived = self._lost = self._told = 0
        # when the newest arrived, by the remote peer's clock
        self._newest_at: float | None = None

    def feedback(self, now: float, first: int, arrivals: Sequence[float | None]) -> Arrival | None:
        """None where it tells nothing new, or no older one is there to compare with."""
        self._follow_clock(arrivals)
        log, number = self.log, self.log.number_of(first)
        newest: tuple[int, float] | None = None
        for each, arrived_at in enumerate(arrivals, number):
            if not log.knows(each):
                continue
            self._told += 1
            if arrived_at is None:
                self._lost += 1
                continue
            self._arrived += log.octets_of(each)
            log.note_arrival(each, arrived_at)
            newest = each, arrived_at
            if log.burst_of(each) > self._newest_burst:
                self._newest_burst = log.burst_of(each)
                self._note_burst(log.left_at(each), arrived_at)
        self.newest_told = max(self.newest_told, number + len(arrivals) - 1)
        return None if newest is None or not self._bursts else self._judged(now, *newest)

    def arrived(self, first: int, last: int) -> Iterator[ProbePacket]:
        """Of these packets those that have arrived."""
        for left_at, arrived_at, octets in self.log.arrived(first, last):
            delay = arrived_at - left_at - self._base.shortest
            yield ProbePacket(left_at, arrived_at, octets, delay)

    def forget(self) -> None:
        """What was told so far is nothing to compare with: it spans an outage."""
        self._moments.clear()
        self._bursts.clear()
        self._newest_at = None

    def _follow_clock(self, arrivals: Sequence[float | None]) -> None:
        """A clock that jumps, or wraps, is another one."""
        told = next((each for each in arrivals if each is not None), None)
        if told is None:
            return
        if self._newest_at is not None and abs(told - self._newest_at) > self._path.jump:
            self.forget()
            self._base = _ShortestDelay(self._path.base_window)
        self._newest_at = told

    def _judged(self, now: float, newest: int, arrived_at: float) -> Arrival | None:
        if self._moments and arrived_at - self._moments[-1].arrived_at < self._path.apart:
            return None
        delay = self._bursts[-1].delay
        queued = 0
        if delay > self._path.noise:
            queued = self.log.octets_behind(newest, arrived_at - self._base.shortest)
        moment = _Moment(now, arrived_at, self._arrived, self._lost, self._told, queued, delay)
        older = self._older(arrived_at)
        self._moments.append(moment)
        oldest = arrived_at - max(self.options.window, 2 * self.options.interval)
        while len(self._bursts) > 1 and self._bursts[0].arrived_at < oldest:
            self._bursts.popleft()
        return None if older is None else self._compare(older, moment)

    def _older(self, arrived_at: float) -> _Moment | None:
        """The latest that is old enough."""
        enough = arrived_at - self.options.interval
        while len(self._moments) > 1 and self._moments[1].arrived_at <= enough:
            self._moments.popleft()
        return self._moments[0] if self._moments and self._moments[0].arrived_at <= enough else None

    def _compare(self, older: _Moment, newer: _Moment) -> Arrival:
        options, delay = self.options, newer.delay
        octets, packets = newer.arrived - older.arrived, newer.told - older.told
        lost = (newer.lost - older.lost) / packets if packets else 0.0
        # what was lost was as large as the rest
        to_carry = octets / max(1 - lost, 0.01) + newer.queued - older.queued
        share = min(1.0, octets / to_carry) if to_carry > 0 else 1.0
        between = [each for each in self._bursts if each.arrived_at >= older.arrived_at]
        stood = min((each.delay for each in between), default=delay)
        busy = max((each.gap for each in between), default=0.0) <= max(stood, options.gap)
        grows = delay - older.delay > options.rising or lost > options.loss
        return Arrival(
            queued=newer.queued,
            delay=delay,
            since=older.at,
            rate=8 * octets / (newer.arrived_at - older.arrived_at),
            share=share,
            busy=busy,
            stood=busy and stood > options.threshold,
            severe=delay > options.severe and self._is_confirmed(newer.arrived_at),
            overload=grows and share < options.share,
            standing=min(
                (
                    each.delay
                    for each in self._bursts
                    if each.arrived_at >= newer.arrived_at - options.window
                ),
                default=delay,
            ),
        )

    def _note_burst(self, left_at: float, arrived_at: float) -> None:
        gap = left_at - self._bursts[-1].left_at if self._bursts else 0.0
        delay = self._base.over(arrived_at, arrived_at - left_at)
        self._bursts.append(_Burst(left_at, arrived_at, delay, gap))

    def _is_confirmed(self, arrived_at: float) -> bool:
        """A receiver that was late for a moment is no queue."""
        apart = arrived_at - self.options.apart
        before = next((each for each in reversed(self._bursts) if each.arrived_at <= apart), None)
        return before is not None and before.delay > self.options.threshold


class _ShortestDelay:
    """Of the last one to two windows."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._began: float | None = None
        self._before = self._current = float("inf")

    @property
    def shortest(self) -> float:
        return min(self._before, self._current)

    def over(self, at: float, delay: float) -> float:
        """Seconds by which this one exceeds the shortest, itself included."""
        if self._began is None or at - self._began >= self._window:
            self._before, self._current, self._began = self._current, delay, at
        self._current = min(self._current, delay)
        return delay - self.shortest
