"""Sending: one loop per stream that goes straight from an encoded unit to protected packets.

It takes the place of aiortc's RTP loop, whose RTCP, statistics and SRTP session it shares. What it
leaves out is what costs: an object, two clock readings and six coroutine calls for each packet.
What it adds: retransmissions from a longer history, though not twice in a round trip, and sender
reports that name the time of capture, so that sound and picture stay together.
"""

from __future__ import annotations

import asyncio
import logging
import random
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from aiortc import RTCRtpSender
from aiortc.rtcdtlstransport import State
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import HeaderExtensions

from agent.webrtc.internals.bursts import Bursts
from agent.webrtc.internals.ending import report_always
from agent.webrtc.internals.feedback import FeedbackListener, FeedbackTap, SenderTally
from agent.webrtc.internals.header_extensions import ExtensionsMap
from agent.webrtc.internals.interval_clock import steady_time

log = logging.getLogger(__name__)

# packets that can be resent; a power of two, so that it divides the sequence numbers
HISTORY_SIZE = 1024
# seconds; longer where the round trip is
MIN_RESEND_INTERVAL = 0.02

_HEADER = struct.Struct("!BBHLL")
_EXTENSION = struct.Struct("!HH")
_SEQUENCE, _SEQUENCE_AT = struct.Struct("!H"), 2
# seconds from 1900 to 1970
_NTP_EPOCH = 2_208_988_800
_MARKER = 0x80
_VERSION_AND_EXTENSION = 0x90
_VERSION = 0x80


class Unit(Protocol):
    """An encoded picture or packet of sound: `pts` counts the codec's clock, `captured_at` is
    `time.monotonic()`.
    """

    @property
    def data(self) -> bytes: ...
    @property
    def pts(self) -> int: ...
    @property
    def captured_at(self) -> float: ...


UnitT = TypeVar("UnitT", bound=Unit)


class Source(Protocol[UnitT]):
    async def next(self) -> UnitT | None:
        """The next unit to send; None when there will be none any more."""

    def on_sent(self, unit: UnitT) -> None:
        """Its last packet has left."""


class Packet(NamedTuple):
    """One that can be resent."""

    sequence_number: int
    header: bytes  # with its extensions
    payload: bytes


class Outlet(NamedTuple):
    """How packets leave: asyncio's transport, SRTP, and the far side's address."""

    transport: Any
    protect: Callable[[bytes], bytes]
    address: Any

    def waiting(self) -> int:
        """Bytes that the socket has not taken."""
        return int(self.transport.get_write_buffer_size())


class PacketSender(Generic[UnitT]):
    """Sends each unit of a source at once through one of aiortc's senders, and resends what is
    asked for.

    `packetize` cuts a unit into RTP payloads; `listener` hears what the far side reports.
    """

    def __init__(
        self,
        sender: RTCRtpSender,
        source: Source[UnitT],
        packetize: Callable[[bytes], list[bytes]],
        clock_rate: int,
        listener: FeedbackListener | None = None,
    ) -> None:
        self._sender: Any = sender
        self._source = source
        self._packetize = packetize
        self._feedback = FeedbackTap(sender, clock_rate, listener)
        self._payload_type = 0
        self._nack_negotiated = False
        self._sequence_number = random.randrange(1 << 15)  # noqa: S311 - an early wrap breaks SRTP
        self._rtx_sequence_number = random.randrange(1 << 15)  # noqa: S311 - likewise
        self._timestamp_origin = random.getrandbits(32)
        # Header and payload; those who send the same picture share it. Plain tuples, as a picture
        # has many packets.
        self._history: list[tuple[bytes, bytes] | None] = [None] * HISTORY_SIZE
        self._resent_at: dict[int, float] = {}
        self._extensions: tuple[bytes, int | None] | None = None
        # part of it has left
        self._begun: UnitT | None = None
        self._bursts = Bursts()
        sender._RTCRtpSender__rtp_header_extensions_map = ExtensionsMap()  # type: ignore[attr-defined]
        report_always(sender)
        sender._run_rtp = self._run  # type: ignore[method-assign]
        sender._retransmit = self._retransmit  # type: ignore[method-assign]

    @property
    def tally(self) -> SenderTally:
        return self._feedback.tally

    @property
    def packets_sent(self) -> int:
        return int(self._sender._RTCRtpSender__packet_count)

    @property
    def bytes_sent(self) -> int:
        return int(self._sender._RTCRtpSender__octet_count)

    async def _run(self, codec: RTCRtpCodecParameters) -> None:
        sender = self._sender
        self._payload_type = codec.payloadType or 0
        self._nack_negotiated = any(
            each.type == "nack" and not each.parameter for each in codec.rtcpFeedback
        )
        sender._RTCRtpSender__rtp_started.set()
        try:
            while (unit := await self._source.next()) is not None:
                self._send(unit, self._packetize(unit.data))
        except (asyncio.CancelledError, ConnectionError):
            # the sender is stopped by cancelling, and waits for `exited`; a lost transport ends it
            # too
            pass
        except Exception:
            # aiortc awaits `exited` only: nobody else would see it
            log.exception("sending %s failed", sender.kind)
        finally:
            self._stop()
            sender._RTCRtpSender__rtp_exited.set()

    def _send(self, unit: UnitT, payloads: list[bytes]) -> None:
        self._emit(self._outlet(), unit, payloads, ends=True)

    def _stop(self) -> None:
        """Nothing leaves any more."""

    def _emit(self, outlet: Outlet, unit: UnitT, payloads: Sequence[bytes], *, ends: bool) -> None:
        """Send some payloads of a unit; `ends`: its last one is the last of these.

        A unit that begins before another has ended leaves a hole in the sequence numbers: what was
        broken off would look whole to a receiver that takes a new timestamp for the end of a
        picture.
        """
        sender = self._sender
        if self._begun is not None and self._begun is not unit:
            self._sequence_number = (self._sequence_number + 1) & 0xFFFF
        self._begun = None if ends else unit
        protect = outlet.protect
        # 16.16 of the low 48 bits
        ntp = int((steady_time() + _NTP_EPOCH) * 65536)
        extension = self._extension(ntp)
        first = _VERSION_AND_EXTENSION if extension else _VERSION
        timestamp = (self._timestamp_origin + unit.pts) & 0xFFFFFFFF
        kind, ssrc, history, pack = self._payload_type, sender._ssrc, self._history, _HEADER.pack
        last, sequence_number, packets = len(payloads) - 1, self._sequence_number, []
        for index, payload in enumerate(payloads):
            if ends and index == last:
                kind |= _MARKER
            header = pack(first, kind, sequence_number, timestamp, ssrc) + extension
            history[sequence_number % HISTORY_SIZE] = header, payload
            packets.append(protect(header + payload))
            sequence_number = (sequence_number + 1) & 0xFFFF
        self._sequence_number = sequence_number
        self._bursts.send(outlet.transport, packets, outlet.address)
        self._account(len(packets), sum(map(len, payloads)), sum(map(len, packets)))
        captured = ((ntp << 16) - int((time.monotonic() - unit.captured_at) * (1 << 32))) & (
            (1 << 64) - 1
        )
        sender._RTCRtpSender__ntp_timestamp = captured
        sender._RTCRtpSender__rtp_timestamp = timestamp
        if ends:
            self._source.on_sent(unit)

    def _outlet(self) -> Outlet:
        dtls = self._sender.transport
        pair = dtls.transport._connection._nominated.get(1)
        if dtls._state is not State.CONNECTED or pair is None:
            raise ConnectionError("the transport is not connected")
        return Outlet(pair.protocol.transport, dtls._tx_srtp.protect, pair.remote_addr)

    def _extension(self, ntp: int) -> bytes:
        """The header extensions of packets that leave now (RFC 8285); `ntp` is 48 bits, 16 of them
        a fraction.
        """
        if self._extensions is None:
            self._extensions = self._make_extensions()
        template, at = self._extensions
        if at is None:
            return template
        return template[:at] + ((ntp << 2) & 0xFFFFFF).to_bytes(3, "big") + template[at + 3 :]

    def _make_extensions(self) -> tuple[bytes, int | None]:
        """All of them, and where the time stands, which alone differs; None where it was not
        negotiated.
        """
        low, high = self._pack_extension(0), self._pack_extension(0xFFFFFF)
        return low, next(
            (at for at, (one, other) in enumerate(zip(low, high, strict=True)) if one != other),
            None,
        )

    def _pack_extension(self, time: int) -> bytes:
        sender = self._sender
        values = HeaderExtensions(abs_send_time=time, mid=sender._RTCRtpSender__mid)
        profile, value = sender._RTCRtpSender__rtp_header_extensions_map.set(values)
        return _EXTENSION.pack(profile, len(value) // 4) + value if value else b""

    def _account(self, packets: int, octets: int, sent: int) -> None:
        """`octets` of payload, `sent` bytes on the wire."""
        self._sender._RTCRtpSender__packet_count += packets
        self._sender._RTCRtpSender__octet_count += octets
        self._account_transport(packets, sent)

    def _account_transport(self, packets: int, sent: int) -> None:
        dtls = self._sender.transport
        dtls._RTCDtlsTransport__tx_packets += packets
        dtls._RTCDtlsTransport__tx_bytes += sent

    # --- what is asked for again

    async def _retransmit(self, sequence_number: int) -> None:
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
            Packet(sequence_number, *sent), now
        ):
            self._resent_at[index] = now

    def _resend(self, packet: Packet, now: float) -> bool:  # noqa: ARG002
        """Whether it leaves, now or soon."""
        try:
            self._emit_again(self._outlet(), packet)
        except ConnectionError:
            # aiortc would take it for the end of its own receiving
            return False
        return True

    def _emit_again(self, outlet: Outlet, packet: Packet) -> None:
        protected = outlet.protect(self._as_rtx(packet))
        outlet.transport.sendto(protected, outlet.address)
        self._account_transport(1, len(protected))
        self.tally.retransmitted_packets += 1
        self.tally.retransmitted_bytes += len(packet.payload)

    def _forget(self) -> None:
        """What was sent before is not resent any more."""
        self._history = [None] * HISTORY_SIZE

    def _as_rtx(self, packet: Packet) -> bytes:
        sender = self._sender
        payload_type = sender._RTCRtpSender__rtx_payload_type
        if payload_type is None:
            return packet.header + packet.payload
        first, kind, _, timestamp, _ = _HEADER.unpack_from(packet.header)
        number, self._rtx_sequence_number = (
            self._rtx_sequence_number,
            (self._rtx_sequence_number + 1) & 0xFFFF,
        )
        header = _HEADER.pack(
            first, kind & _MARKER | payload_type, number, timestamp, sender._rtx_ssrc
        )
        extension = self._extension(int((steady_time() + _NTP_EPOCH) * 65536))
        return header + extension + _SEQUENCE.pack(packet.sequence_number) + packet.payload
