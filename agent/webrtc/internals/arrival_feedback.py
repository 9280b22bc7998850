"""Transport-wide feedback on what we receive: of each numbered packet, when it arrived.

https://datatracker.ietf.org/doc/html/draft-holmer-rmcat-transport-wide-cc-extensions-01
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Any

from aiortc import RTCRtpReceiver
from aiortc.rtp import RTCP_RTPFB

from agent.background import in_background
from agent.webrtc.internals.transport_wide import MAX_TOLD, RTCP_RTPFB_TRANSPORT_CC

# seconds between two feedbacks, as libwebrtc has it
INTERVAL = 0.1
# packets of one feedback that have arrived, so that it fits a datagram
MAX_ARRIVED = 256
# packets that wait to be told of: 20 times what 25 Mbit/s bring in an interval
MAX_WAITING = 5120
# of one turn; numbers without order would make one of each packet
MAX_FEEDBACKS = 32
# packets that are missing in a row; beyond it the numbers begin anew
MAX_MISSING = MAX_TOLD - MAX_ARRIVED

_HEAD = struct.Struct("!BBHLLHHL")
_VERSION = 0x80
_WORD = 4
# of a delta, a second; and of the reference time
_UNITS, _REFERENCE = 4000, 256
_MISSING, _SMALL, _LARGE = 0, 1, 2
_SMALLEST, _LARGEST = -(1 << 15), (1 << 15) - 1
_MAX_RUN = (1 << 13) - 1
# symbols of a chunk of bits, and of one of pairs
_BITS, _PAIRS = 14, 7


class ArrivalFeedback:
    """Packets are noted as they arrive, and told of once. Those that have overtaken others leave
    these behind as missing, until they arrive after all. Bounded; pure.
    """

    def __init__(self) -> None:
        # number without wrapping -> arrival in units
        self._arrived: dict[int, int] = {}
        self._highest = self._next = -1
        # seconds of the first arrival: the reference time has 24 bits
        self._origin: float | None = None
        self._count = 0

    def note(self, number: int, at: float) -> None:
        """A packet with this number (16 bits) has arrived, `at` seconds by a steady clock."""
        if len(self._arrived) >= MAX_WAITING:
            return
        if self._origin is None:
            self._origin = at
            self._highest, self._next = number - 1, number
        ahead = (number - self._highest + 0x8000 & 0xFFFF) - 0x8000
        number = self._highest + ahead
        if not -MAX_MISSING <= ahead <= MAX_MISSING + 1:
            self._next = self._highest = number
        self._highest = max(self._highest, number)
        self._arrived.setdefault(number, round(_UNITS * (at - self._origin)))

    def take(self, ours: int, theirs: int) -> list[bytes]:
        """RTCP packets on all that arrived since, from the SSRC `ours` on the transport that
        carries `theirs`; none where nothing arrived.
        """
        found = []
        for first, told in islice(self._runs(), MAX_FEEDBACKS):
            found.append(_packet(ours, theirs, first, told, self._count))
            self._count = (self._count + 1) & 0xFF
        self._arrived.clear()
        self._next = self._highest + 1
        return found

    def _runs(self) -> Iterator[tuple[int, list[int | None]]]:
        """The first number of one feedback, and of each from there when it arrived. The last of
        them has arrived.
        """
        first, told, arrived, before = self._next, list[int | None](), 0, 0
        for number, at in sorted(self._arrived.items()):
            after = first + len(told)
            begin = self._begin(number, after)
            full = arrived >= MAX_ARRIVED or number - first >= MAX_TOLD
            far = arrived > 0 and not _SMALLEST <= at - before <= _LARGEST
            if begin != after or full or far:
                if arrived:
                    yield first, told
                first, told, arrived = begin, [], 0
            told += [None] * (number - begin)
            told.append(at)
            arrived, before = arrived + 1, at
        if arrived:
            yield first, told

    def _begin(self, number: int, after: int) -> int:
        """From where on to tell, up to `number`; `after` follows on what is told already."""
        if number < self._next:
            # late: what was missing beside it has been told of
            return number
        begin = max(after, self._next)
        return begin if number - begin <= MAX_MISSING else number


def _packet(ours: int, theirs: int, first: int, told: list[int | None], count: int) -> bytes:
    """One packet; `told` is in units, `count` that of the packets before it."""
    reference = next(at for at in told if at is not None) // _REFERENCE
    before, symbols, deltas = reference * _REFERENCE, bytearray(), bytearray()
    for at in told:
        if at is None:
            symbols.append(_MISSING)
            continue
        delta, before = at - before, at
        small = 0 <= delta <= 0xFF
        symbols.append(_SMALL if small else _LARGE)
        deltas += delta.to_bytes(1 if small else 2, "big", signed=not small)
    body = bytes(_chunks(symbols)) + deltas
    body += bytes(-len(body) % _WORD)
    kind, words = _VERSION | RTCP_RTPFB_TRANSPORT_CC, (_HEAD.size + len(body)) // _WORD - 1
    time = (reference & 0xFFFFFF) << 8 | count
    head = _HEAD.pack(kind, RTCP_RTPFB, words, ours, theirs, first & 0xFFFF, len(told), time)
    return head + body


def _chunks(symbols: bytearray) -> Iterator[int]:
    """Bytes: what is equal as a run, else as many as go into one chunk."""
    at = 0
    while at < len(symbols):
        run = _run(symbols, at)
        some = symbols[at : at + _BITS]
        if run > _PAIRS or run == len(symbols) - at:
            chunk, step = symbols[at] << 13 | run, run
        elif _LARGE not in some:
            chunk, step = 0x8000 | _packed(some, 1, _BITS), _BITS
        else:
            chunk, step = 0xC000 | _packed(some[:_PAIRS], 2, _PAIRS), _PAIRS
        yield from chunk.to_bytes(2, "big")
        at += step


def _run(symbols: bytearray, at: int) -> int:
    same = takewhile(lambda index: symbols[index] == symbols[at], range(at, len(symbols)))
    return min(sum(1 for _ in same), _MAX_RUN)


def _packed(symbols: bytearray, bits: int, places: int) -> int:
    value = 0
    for symbol in symbols:
        value = value << bits | symbol
    return value << bits * (places - len(symbols))


class FeedbackGiver:
    """Tells the remote peer of a receiver's packets. Its task belongs to the receiver's RTCP."""

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        self._receiver: Any = receiver
        self._feedback = ArrivalFeedback()
        self._came = asyncio.Event()
        self._theirs = 0
        self._run_rtcp = receiver._run_rtcp
        receiver._run_rtcp = self._run  # type: ignore[method-assign]

    def note(self, number: int, at: float, ssrc: int) -> None:
        """A packet of this SSRC has arrived; `at` as `time.monotonic()`."""
        self._theirs = ssrc
        self._feedback.note(number, at)
        self._came.set()

    async def _run(self) -> None:
        async with in_background("callbox-arrival-feedback", self._give()):
            await self._run_rtcp()

    async def _give(self) -> None:
        while True:
            await self._came.wait()
            await asyncio.sleep(INTERVAL)
            self._came.clear()
            ours: int = self._receiver._RTCRtpReceiver__rtcp_ssrc or 0
            for packet in self._feedback.take(ours, self._theirs):
                try:
                    await self._receiver.transport._send_rtp(packet)
                except ConnectionError:
                    # the transport ends, and this with it
                    break
