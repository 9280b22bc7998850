"""Sending: one loop per stream that goes straight from an encoded unit to protected packets.

It takes the place of aiortc's RTP loop. What it leaves out is what costs: an object, two clock
readings and six coroutine calls for each packet. What it adds: retransmissions from a longer
history, though not twice in a round trip, and sender reports that name the time of capture, so that
sound and picture stay together.
"""

from __future__ import annotations

import asyncio
import logging
import random
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from agent.webrtc.internals import Extensions, RtpSender, steady_time
from agent.webrtc.sending.feedback import FeedbackListener, RemoteFeedback, SenderTally

log = logging.getLogger(__name__)

# packets that can be resent; a power of two, so that it divides the sequence numbers
HISTORY_SIZE = 1024
# seconds; longer where the round trip is
MIN_RESEND_INTERVAL = 0.02

_HEADER = struct.Struct("!BBHLL")
_SEQUENCE, _SEQUENCE_AT = struct.Struct("!H"), 2
# seconds from 1900 to 1970
_NTP_EPOCH = 2_208_988_800
_MARKER = 0x80
_VERSION_AND_EXTENSION = 0x90
_VERSION = 0x80


class EncodedUnit(Protocol):
    """An encoded picture or packet of sound: `pts` counts the codec's clock, `captured_at` is
    `time.monotonic()`.
    """

    @property
    def data(self) -> bytes: ...
    @property
    def pts(self) -> int: ...
    @property
    def captured_at(self) -> float: ...


UnitT = TypeVar("UnitT", bound=EncodedUnit)


class UnitSource(Protocol[UnitT]):
    async def next(self) -> UnitT | None:
        """The next unit to send; None when there will be none any more."""

    def on_sent(self, unit: UnitT) -> None:
        """Its last packet has left."""


class SentPacket(NamedTuple):
    """One that can be resent."""

    sequence_number: int
    header: bytes  # with its extensions
    payload: bytes


class RtpStream(Generic[UnitT]):
    """Sends each unit of a source at once, and resends what is asked for.

    `packetize` cuts a unit into RTP payloads; `listener` hears what the remote peer reports.
    """

    def __init__(
        self,
        rtp: RtpSender,
        source: UnitSource[UnitT],
        packetize: Callable[[bytes], list[bytes]],
        clock_rate: int,
        listener: FeedbackListener | None = None,
    ) -> None:
        self._rtp = rtp
        self._ssrc = rtp.ssrc
        self._source = source
        self._packetize = packetize
        self._feedback = RemoteFeedback(rtp, clock_rate, listener)
        self._payload_type = 0
        self._nack_negotiated = False
        self._sequence_number = random.randrange(1 << 15)  # noqa: S311 - an early wrap breaks SRTP
        self._rtx_sequence_number = random.randrange(1 << 15)  # noqa: S311 - likewise
        self._timestamp_origin = random.getrandbits(32)
        # Header and payload; those who send the same picture share it. Plain tuples, as a picture
        # has many packets.
        self._history: list[tuple[bytes, bytes] | None] = [None] * HISTORY_SIZE
        self._resent_at: dict[int, float] = {}
        self._extensions: Extensions | None = None
        # of the next packet that leaves, among all that the far side tells of (transport-cc)
        self._transport_number = 0
        # part of it has left
        self._begun: UnitT | None = None
        rtp.attach(self)

    @property
    def tally(self) -> SenderTally:
        return self._feedback.tally

    @property
    def packets_sent(self) -> int:
        return self._rtp.packets_sent

    @property
    def bytes_sent(self) -> int:
        return self._rtp.bytes_sent

    # --- the loop of `RtpSender`

    async def run(self, payload_type: int, *, nack: bool) -> None:
        self._payload_type, self._nack_negotiated = payload_type, nack
        try:
            while (unit := await self._source.next()) is not None:
                self._send(unit, self._packetize(unit.data))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            # aiortc waits for the end only: nobody else would see it
            log.exception("sending %s failed", self._rtp.kind)
        finally:
            self._stop()

    def on_rtcp(self, packet: Any) -> None:
        self._feedback.on_rtcp(packet)

    def on_sender_report(self, ntp: int) -> None:
        self._feedback.on_sender_report(ntp)

    def retransmit(self, sequence_number: int) -> None:
        """Resend a packet that a NACK names (RFC 4588), unless it is forgotten or was resent within
        a round trip.

        Only where both sides agreed on it (RFC 4585 4.2): sound has no budget for what a stranger
        may ask for.
        """
        if not self._nack_negotiated:
            return
        index = sequence_number % HISTORY_SIZE
        sent = self._history[index]
        if sent is None or _SEQUENCE.unpack_from(sent[0], _SEQUENCE_AT) != (sequence_number,):
            return
        now = time.monotonic()
        interval = max(MIN_RESEND_INTERVAL, self.tally.round_trip_time or 0.0)
        if now - self._resent_at.get(index, -interval) >= interval and self._resend(
            SentPacket(sequence_number, *sent), now
        ):
            self._resent_at[index] = now

    # --- what leaves

    def _send(self, unit: UnitT, payloads: list[bytes]) -> None:
        self._emit(unit, payloads, ends=True)

    def _stop(self) -> None:
        """Nothing leaves any more."""

    def _emit(self, unit: UnitT, payloads: Sequence[bytes], *, ends: bool) -> int:
        """Send some payloads of a unit; `ends`: its last one is the last of these. Returns their
        bytes on the wire.

        A unit that begins before another has ended leaves a hole in the sequence numbers: what was
        broken off would look whole to a receiver that takes a new timestamp for the end of a
        picture.
        """
        if self._begun is not None and self._begun is not unit:
            self._sequence_number = (self._sequence_number + 1) & 0xFFFF
        self._begun = None if ends else unit
        # 16.16 of the low 48 bits
        ntp = int((steady_time() + _NTP_EPOCH) * 65536)
        extension, rest = self._extension(ntp)
        first = _VERSION_AND_EXTENSION if extension else _VERSION
        timestamp = (self._timestamp_origin + unit.pts) & 0xFFFFFFFF
        kind, ssrc, history, pack = self._payload_type, self._ssrc, self._history, _HEADER.pack
        last, sequence_number, packets = len(payloads) - 1, self._sequence_number, []
        for index, payload in enumerate(payloads):
            if ends and index == last:
                kind |= _MARKER
            header = pack(first, kind, sequence_number, timestamp, ssrc) + extension
            if rest is not None:
                header += self._numbered(rest)
            history[sequence_number % HISTORY_SIZE] = header, payload
            packets.append(header + payload)
            sequence_number = (sequence_number + 1) & 0xFFFF
        self._sequence_number = sequence_number
        waited = int((time.monotonic() - unit.captured_at) * (1 << 32))
        captured = ((ntp << 16) - waited) & ((1 << 64) - 1)
        size = self._rtp.send(packets, sum(map(len, payloads)), captured, timestamp)
        if ends:
            self._source.on_sent(unit)
        return size

    def _extension(self, ntp: int) -> tuple[bytes, bytes | None]:
        """The header extensions of packets that leave now, up to the transport-wide number, and
        what stands behind it; `ntp` is 48 bits, 16 of them a fraction. None without a number.
        """
        if self._extensions is None:
            self._extensions = self._rtp.extensions()
        whole, at, number_at = self._extensions
        if at is not None:
            whole = whole[:at] + ((ntp << 2) & 0xFFFFFF).to_bytes(3, "big") + whole[at + 3 :]
        if number_at is None:
            return whole, None
        return whole[:number_at], whole[number_at + 2 :]

    def _numbered(self, rest: bytes) -> bytes:
        """The next transport-wide number, and what stands behind it."""
        number = self._transport_number
        self._transport_number = (number + 1) & 0xFFFF
        return number.to_bytes(2, "big") + rest

    @property
    def _numbers_packets(self) -> bool:
        """Whether the far side tells of each packet (transport-cc)."""
        return self._extensions is not None and self._extensions.number_at is not None

    # --- what is asked for again

    def _resend(self, packet: SentPacket, now: float) -> bool:  # noqa: ARG002
        """Whether it leaves, now or soon."""
        try:
            self._emit_again(packet)
        except ConnectionError:
            # aiortc would take it for the end of its own receiving
            return False
        return True

    def _emit_again(self, packet: SentPacket) -> int:
        size = self._rtp.resend(self._as_rtx(packet))
        self.tally.retransmitted_packets += 1
        self.tally.retransmitted_bytes += len(packet.payload)
        return size

    def _forget(self) -> None:
        """What was sent before is not resent any more."""
        self._history = [None] * HISTORY_SIZE

    def _as_rtx(self, packet: SentPacket) -> bytes:
        if self._rtp.rtx is None:
            return packet.header + packet.payload
        payload_type, ssrc = self._rtp.rtx
        first, kind, _, timestamp, _ = _HEADER.unpack_from(packet.header)
        number = self._rtx_sequence_number
        self._rtx_sequence_number = (number + 1) & 0xFFFF
        header = _HEADER.pack(first, kind & _MARKER | payload_type, number, timestamp, ssrc)
        extension, rest = self._extension(int((steady_time() + _NTP_EPOCH) * 65536))
        if rest is not None:
            extension += self._numbered(rest)
        return header + extension + _SEQUENCE.pack(packet.sequence_number) + packet.payload
