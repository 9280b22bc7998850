"""When the packets of a picture may leave: a leaky bucket in front of the socket. Pure: the time is
an argument.

A picture of usual size leaves at once. What exceeds it, which is a key frame above all, is spread:
a burst of 150 packets would overflow the queue of a slow uplink, and the remote peer's delay
estimate would take it for congestion. The rate follows the target, but never so slowly that a
backlog stays: a source that does not obey its target is the network's trouble already, and waiting
here would only add delay.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from agent.ports import AccessUnit
from agent.webrtc.sending.packetizer import MAX_PAYLOAD_SIZE

# over the target: a backlog drains, and 200 kB still fit the queue of a 2 Mbit/s uplink
PACING_FACTOR = 1.25
# seconds at the target that may leave at once; libwebrtc allows itself the same
BURST_TIME = 0.04
MIN_BURST = 5_200  # bytes, four packets and a half
# seconds: what waits leaves in about this time, whatever the target
DRAIN_TIME = 0.7
# seconds of waiting, after which a picture is of no use in a call
STALE_AFTER = 0.5
# a large one takes its time to leave, and without it nothing goes on
STALE_KEYFRAME_AFTER = 1.0
# seconds between two bursts: each wakes the processor
SHORTEST_WAIT, LONGEST_WAIT = 0.005, 0.02
# of the target: enough for 20 % of random loss with the losses of what is resent
RESEND_SHARE = 0.3
# seconds at the target; more at once is no random loss but a queue that overflowed
RESEND_BURST_TIME = 0.12
MIN_RESEND_BURST = 13_000  # bytes, eleven packets
# seconds of silence for a queue that overflowed: what is sent at once would be lost in it
OVERFLOW_PAUSE = 0.25
# of the target: the key frame after that pause takes the room that it made, and no more
RECOVERY_FACTOR = 0.8

# of the source's bitrate, per picture
_SMOOTHING = 1 / 20


class Chunk(NamedTuple):
    """Payloads of a picture that may leave now; `ends`: its last one is among them."""

    unit: AccessUnit
    payloads: list[bytes]
    ends: bool


@dataclass(slots=True)
class _Waiting:
    unit: AccessUnit
    payloads: list[bytes]
    # index of the first payload that has not left
    next: int
    since: float


class PicturePacer:
    """Pictures on their way out, in order. Bitrates in bit/s, sizes in bytes of RTP payload, times
    in seconds.

    `strict`: the source does not follow the target, which holds all the same. What does not fit in
    becomes stale.
    """

    def __init__(self, target: int, *, strict: bool = False) -> None:
        self.target = target
        self._strict = strict
        self._queue: deque[_Waiting] = deque()
        self._backlog = 0
        # bytes that left earlier than the rate allows
        self._debt = 0.0
        self._debt_at = 0.0
        # bytes that may be resent now
        self._resends = self._resend_burst
        self._resends_at = 0.0
        self._put_at: float | None = None
        self._mean_size = self._mean_interval = self._source_bitrate = 0.0
        self._keyframe_left_at = float("-inf")
        self._recovering = False
        # pictures behind the key frame that is on its way were lost
        self._gap = False

    @property
    def backlog(self) -> int:
        """Bytes that wait."""
        return self._backlog

    def oldest_age(self, now: float) -> float:
        """How long the first picture of the queue has waited; 0 where none waits."""
        return now - self._queue[0].since if self._queue else 0.0

    def admit(self, now: float, unit: AccessUnit, size: int, *, free: bool = True) -> bool:
        """Whether a new picture of `size` bytes may leave as a whole, now. If not, it is to be
        `put`.

        `free`: nothing else is in its way.
        """
        self._measure(now, size, unit.keyframe)
        if not free or self._queue or self._recovering or self._room(now) < size - MAX_PAYLOAD_SIZE:
            return False
        self._debt += size
        return True

    def put(self, now: float, unit: AccessUnit, payloads: list[bytes], size: int) -> bool:
        """Queue a picture that was not admitted. False: it is lost, as its turn would come too
        late.
        """
        if self._is_occupied(now):
            self._gap = True
            return False
        if payloads:
            self._queue.append(_Waiting(unit, payloads, 0, now))
            self._backlog += size
        return True

    def take(self, now: float) -> Chunk | None:
        """What may leave now of the first picture. None: nothing waits, or it has to wait for
        `wait(now)`.
        """
        room = self._room(now)
        if room <= 0 or not self._queue:
            return None
        waiting = self._queue[0]
        start = waiting.next
        while room > 0 and waiting.next < len(waiting.payloads):
            room -= len(waiting.payloads[waiting.next])
            waiting.next += 1
        payloads = waiting.payloads[start : waiting.next]
        size = sum(map(len, payloads))
        self._debt += size
        self._backlog -= size
        ends = waiting.next == len(waiting.payloads)
        if ends:
            self._queue.popleft()
            if waiting.unit.keyframe:
                self._keyframe_left_at = now
                self._recovering = False
        return Chunk(waiting.unit, payloads, ends)

    def wait(self, now: float) -> float:
        """Seconds until it is worth asking `take` again: for a burst, or for the last packet of all
        that waits.
        """
        rate = self._rate(now)
        wanted = max(MIN_BURST, rate * LONGEST_WAIT)
        if self._queue:
            # it needs some room, and may take more than there is
            wanted = min(wanted, self._backlog - len(self._queue[-1].payloads[-1]) + 1)
        missing = wanted - self._room(now)
        return min(max(missing / rate, SHORTEST_WAIT), LONGEST_WAIT)

    def drop_stale(self, now: float) -> list[AccessUnit]:
        """Pictures that waited too long, with all up to the next key frame, which is then the first
        of the queue.

        A key frame on its way may stay for long at a strict target; then all that waits behind it
        is dropped.
        """
        if self._is_occupied(now) and len(self._queue) > 1:
            self._gap = True
            return [self._pop(-1).unit for _ in range(len(self._queue) - 1)][::-1]
        if not self._queue or not self._is_stale(self._queue[0], now):
            return []
        dropped = [self._pop().unit]
        while self._queue and not self._queue[0].unit.keyframe:
            dropped.append(self._pop().unit)
        return dropped

    def skip_gap(self) -> bool:
        """Whether the next picture must be a key frame: what waited behind the last one was lost.
        Told once.
        """
        gap, self._gap = self._gap and not self._queue, self._gap and bool(self._queue)
        return gap

    def stop(self) -> None:
        """Let nothing begin any more of what waits. What has begun goes on: broken off, it would
        cost a loss.
        """
        while self._queue and (len(self._queue) > 1 or not self._queue[0].next):
            last = self._queue.pop()
            self._backlog -= sum(map(len, last.payloads[last.next :]))

    def clear(self) -> None:
        self._queue.clear()
        self._backlog = 0
        self._gap = False

    def has_room(self, now: float) -> bool:
        """Whether a packet may leave now. Those that are resent take the room of pictures."""
        return self._room(now) > 0

    def resent(self, size: int) -> None:
        self._debt += size

    def grant_resend(self, now: float, size: int) -> bool:
        """Take `size` bytes from the budget for retransmissions; False where it has not as many."""
        elapsed, self._resends_at = now - self._resends_at, now
        self._resends = min(
            self._resend_burst, self._resends + elapsed * RESEND_SHARE * self.target / 8
        )
        if self._resends < size:
            return False
        self._resends -= size
        return True

    def recover(self) -> list[AccessUnit]:
        """A queue on the way has overflowed: drop what waits, and go slowly until a key frame has
        left.

        It is to be asked for after `OVERFLOW_PAUSE`.
        """
        self._recovering = True
        self._resends = self._resend_burst
        dropped = [waiting.unit for waiting in self._queue]
        self.clear()
        return dropped

    @property
    def _resend_burst(self) -> float:
        return max(MIN_RESEND_BURST, RESEND_BURST_TIME * self.target / 8)

    def _usual(self) -> float:
        """bit/s that leave when nothing is in the way: the target, or what a source makes that does
        not obey it.
        """
        return self.target if self._strict else max(self.target, self._source_bitrate)

    def _rate(self, now: float) -> float:
        """bytes a second; enough for all that waits to leave `DRAIN_TIME` after the first of it
        could
        """
        factor, bitrate = (
            (RECOVERY_FACTOR, self.target) if self._recovering else (PACING_FACTOR, self._usual())
        )
        if not self._queue or self._strict:
            return factor * bitrate / 8
        left = max(DRAIN_TIME - self._waited(self._queue[0], now), LONGEST_WAIT)
        return max(factor * bitrate / 8, self._backlog / left)

    def _burst(self, now: float) -> float:
        seconds, rate = (
            (OVERFLOW_PAUSE, self._rate(now))
            if self._recovering
            else (BURST_TIME, self._usual() / 8)
        )
        return max(MIN_BURST, seconds * rate)

    def _room(self, now: float) -> float:
        self._debt = max(0.0, self._debt - (now - self._debt_at) * self._rate(now))
        self._debt_at = now
        return self._burst(now) - self._debt

    def _measure(self, now: float, size: int, keyframe: bool) -> None:
        """The source's bitrate without its key frames, which are what has to be spread."""
        if self._put_at is not None:
            self._mean_interval += _SMOOTHING * (now - self._put_at - self._mean_interval)
            if not keyframe:
                self._mean_size += _SMOOTHING * (size - self._mean_size)
            self._source_bitrate = (
                8 * self._mean_size / self._mean_interval if self._mean_interval else 0.0
            )
        self._put_at = now

    def _is_occupied(self, now: float) -> bool:
        """Whether a key frame is on its way that is not to be broken off, for longer than what
        follows it may wait.
        """
        return (
            bool(self._queue)
            and self._is_kept(self._queue[0])
            and self._waited(self._queue[0], now) > STALE_AFTER
        )

    def _is_kept(self, waiting: _Waiting) -> bool:
        # the larger ones would never arrive
        return self._strict and waiting.unit.keyframe and waiting.next > 0

    def _is_stale(self, waiting: _Waiting, now: float) -> bool:
        if self._is_kept(waiting):
            return False
        return self._waited(waiting, now) > (
            STALE_KEYFRAME_AFTER if waiting.unit.keyframe else STALE_AFTER
        )

    def _waited(self, waiting: _Waiting, now: float) -> float:
        """Waiting for a key frame that is on its way does not count: without it nothing can be
        shown.
        """
        return now - max(waiting.since, self._keyframe_left_at)

    def _pop(self, at: int = 0) -> _Waiting:
        waiting = self._queue[at]
        del self._queue[at]
        self._backlog -= sum(map(len, waiting.payloads[waiting.next :]))
        return waiting
