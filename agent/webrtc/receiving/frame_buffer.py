"""Pictures out of packets that are lost, late, doubled and out of order. Pure: time is an argument.

Nothing that is given out needs a picture that was not. Each is whole, and follows the one before it
without a hole; the first, and the first after a loss, is a key frame with its parameter sets. A
hole may be filled for `PATIENCE` seconds, then it is given up: what waits behind it goes on with
its first whole key frame. Where there is none, one is asked for.

Parameter sets may come in a unit of their own (hardware encoders and cameras send them so), or once
at the start, or in the description: they are kept, and stand before each key frame that comes
without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.h264 import annexb as h264
from agent.h264.parameter_sets import ParameterSets, has_picture

# packets that may wait: as long as patience lasts, up to 12 Mbit/s
CAPACITY = 512
# seconds that a picture may wait for a packet to be resent
PATIENCE = 0.4
# a number so far behind, or less, is late (RFC 3550 A.1); farther, the remote peer counts anew
LATE = 3000
# seconds between two requests while no key frame has come
ASK_INTERVAL = 1.0

_NUMBERS = 1 << 16
_TIMESTAMPS = 1 << 32


@dataclass(frozen=True, slots=True)
class VideoPacket:
    """One RTP packet; `data` is its share of the access unit, Annex B, and empty where it is
    padding.
    """

    sequence_number: int
    timestamp: int
    marker: bool
    data: bytes
    ssrc: int = 0


class FrameBuffer:
    """One remote peer's video. A picture goes to `deliver` with the packet that ends it, its
    timestamp counted from 0.
    """

    def __init__(self, deliver: Callable[[bytes, int], None]) -> None:
        self._deliver = deliver
        self._sets = ParameterSets()
        # by number, counted without wrapping
        self._packets: dict[int, VideoPacket] = {}
        self._arrived: dict[int, float] = {}
        # the number after the last that was given out, or given up
        self._first = 0
        self._newest = -1
        self._ssrc: int | None = None
        # the number of the first packet that lacked last
        self._hole: int | None = None
        self._hole_since = math.inf
        # what comes next needs what was not given out
        self._broken = True
        # something was thrown away for it, since a key frame was asked for
        self._missed = False
        self._asked_at = -math.inf
        # of the last picture given out
        self._timestamp: int | None = None
        self._elapsed = 0

    def take_parameter_sets(self, sets: bytes) -> None:
        """Sets that came by another way, Annex B; those of pictures count before them."""
        self._sets.complete(sets)

    def add(self, now: float, packet: VideoPacket) -> bool:
        """Take a packet and give out what it completes. Whether a key frame is to be asked for."""
        number = self._number_of(packet)
        if number is not None:
            self._make_room(number)
            self._packets.setdefault(number, packet)
            self._arrived.setdefault(number, now)
            self._newest = max(self._newest, number)
            self._give_out()
        while (hole := self._first_hole()) is not None and self._waited(now, hole) >= PATIENCE:
            self._give_up(hole)
        return self._asks(now)

    def _number_of(self, packet: VideoPacket) -> int | None:
        """Counted without wrapping; None where it is too late."""
        ahead = (packet.sequence_number - self._first) % _NUMBERS
        if packet.ssrc == self._ssrc:
            if ahead >= _NUMBERS - LATE:
                return None
            if ahead < _NUMBERS // 2:
                return self._first + ahead
        self._start_anew(packet)
        return self._first

    def _start_anew(self, packet: VideoPacket) -> None:
        if self._ssrc is not None:
            self._lose()
        self._packets.clear()
        self._arrived.clear()
        self._ssrc, self._first, self._newest = (
            packet.ssrc,
            packet.sequence_number,
            packet.sequence_number - 1,
        )

    def _make_room(self, number: int) -> None:
        while number - self._first >= CAPACITY:
            if (hole := self._first_hole()) is not None:
                self._give_up(hole)
            else:
                # nothing waits, or one picture that fills it all
                self._lose()
                self._skip_to(number)

    def _give_out(self) -> None:
        """All whose turn it is. While a key frame is needed it is that one's turn, wherever it
        waits.
        """
        for start, packets in self._ended():
            data = b"".join(packet.data for packet in packets)
            if self._broken or start == self._first:
                data = self._with_sets(data)
            if self._broken and h264.can_start(data):
                self._broken = self._missed = False
                self._skip_to(start)
            if start == self._first:
                self._skip_to(start + len(packets))
                if self._broken:
                    self._missed = self._missed or _is_picture(data)
                elif _is_picture(data):
                    self._deliver(data, self._since_start(packets[0].timestamp))
            elif not self._broken:
                return

    def _with_sets(self, data: bytes) -> bytes:
        """A key frame with its parameter sets, where some came before it. The rest of a picture is
        left alone.
        """
        return self._sets.complete(data) if h264.begins_picture(data) else data

    def _ended(self) -> Iterator[tuple[int, list[VideoPacket]]]:
        """The pictures whose end is here, oldest first, with their first number. Behind a hole a
        beginning may lack.
        """
        picture: list[VideoPacket] = []
        for number in range(self._first, self._newest + 1):
            packet = self._packets.get(number)
            if picture and (packet is None or packet.timestamp != picture[0].timestamp):
                if packet is not None:
                    yield number - len(picture), picture
                picture = []
            if packet is not None:
                picture.append(packet)
                if packet.marker:
                    yield number + 1 - len(picture), picture
                    picture = []

    def _waited(self, now: float, hole: int) -> float:
        """Seconds since the first hole was seen: since a packet came that is behind it."""
        if hole != self._hole:
            self._hole = hole
            self._hole_since = min(at for number, at in self._arrived.items() if number > hole)
        return now - self._hole_since

    def _first_hole(self) -> int | None:
        return next(
            (number for number in range(self._first, self._newest) if number not in self._packets),
            None,
        )

    def _give_up(self, hole: int) -> None:
        """The first hole will not be filled."""
        self._lose()
        self._skip_to(min(number for number in self._packets if number > hole))
        self._give_out()

    def _lose(self) -> None:
        if not self._broken:
            # the last key frame has come: the next request is another one
            self._asked_at = -math.inf
        self._broken = self._missed = True

    def _skip_to(self, number: int) -> None:
        for gone in range(self._first, min(number, self._newest + 1)):
            self._packets.pop(gone, None)
            self._arrived.pop(gone, None)
        self._first = number
        self._newest = max(self._newest, number - 1)

    def _asks(self, now: float) -> bool:
        if not (self._broken and self._missed) or now - self._asked_at < ASK_INTERVAL:
            return False
        self._asked_at, self._missed = now, False
        return True

    def _since_start(self, timestamp: int) -> int:
        if self._timestamp is not None:
            self._elapsed += (timestamp - self._timestamp) % _TIMESTAMPS
        self._timestamp = timestamp
        return self._elapsed


def _is_picture(data: bytes) -> bool:
    """Whether it is one, or the rest of one: no padding, and no parameter sets alone."""
    return bool(data) and (not h264.begins_unit(data) or has_picture(data))
