"""Sending: one loop per stream that goes straight from an encoded unit to protected packets.

It takes the place of aiortc's RTP loop, whose RTCP, statistics and SRTP session it shares. What it leaves out is what
costs: an object, two clock readings and six coroutine calls for each packet. What it adds: retransmissions from a
longer history, though not twice in a round trip, and sender reports that name the time of capture, so that sound and
picture stay together.
"""

from __future__ import annotations

import asyncio
import logging
import random
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from aiortc import RTCRtpSender
from aiortc.rtcdtlstransport import State
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    HeaderExtensions,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)

log = logging.getLogger(__name__)

HISTORY_SIZE = 1024  # packets that can be resent; a power of two, so that it divides the sequence numbers
MIN_RESEND_INTERVAL = 0.02  # seconds; longer where the round trip is

_HEADER = struct.Struct("!BBHLL")
_EXTENSION = struct.Struct("!HH")
_SEQUENCE = struct.Struct("!H")
_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_MARKER = 0x80
_VERSION_AND_EXTENSION = 0x90
_VERSION = 0x80


class Unit(Protocol):
    """An encoded picture or packet of sound: `pts` counts the codec's clock, `captured_at` is `time.monotonic()`."""

    @property
    def data(self) -> bytes: ...
    @property
    def pts(self) -> int: ...
    @property
    def captured_at(self) -> float: ...


class Source(Protocol):
    async def next(self) -> Unit | None:
        """The next unit to send; None when there will be none any more."""


class _Packet(NamedTuple):
    sequence_number: int
    data: bytes
    payload_at: int  # offset of the payload in `data`


@dataclass(slots=True)
class SenderTally:
    """What the far side reported of one stream, and what was resent. Units are W3C's."""

    nack_count: int = 0
    pli_count: int = 0
    fir_count: int = 0
    retransmitted_packets: int = 0
    retransmitted_bytes: int = 0
    packets_lost: int | None = None
    fraction_lost: float | None = None  # 0..1
    jitter: float | None = None  # seconds
    bitrate_estimate: int | None = None  # REMB, bit/s


class PacketSender:
    """Sends the units of a source through one of aiortc's senders, and reads the RTCP that comes back for them.

    `packetize` cuts a unit into RTP payloads; `on_picture_loss` is called for each PLI and FIR.
    """

    def __init__(
        self,
        sender: RTCRtpSender,
        source: Source,
        packetize: Callable[[bytes], list[bytes]],
        clock_rate: int,
        on_picture_loss: Callable[[], None],
    ) -> None:
        self.tally = SenderTally()
        self._sender = sender
        self._source = source
        self._packetize = packetize
        self._clock_rate = clock_rate
        self._on_picture_loss = on_picture_loss
        self._sequence_number = random.randrange(1 << 15)  # noqa: S311 - an early wrap breaks SRTP
        self._rtx_sequence_number = random.randrange(1 << 15)  # noqa: S311 - likewise
        self._timestamp_origin = random.getrandbits(32)
        self._history: list[_Packet | None] = [None] * HISTORY_SIZE
        self._resent_at: dict[int, float] = {}
        self._handle_rtcp = sender._handle_rtcp_packet
        sender._run_rtp = self._run  # type: ignore[method-assign]
        sender._handle_rtcp_packet = self._on_rtcp  # type: ignore[method-assign]
        sender._retransmit = self._retransmit  # type: ignore[method-assign]

    @property
    def packets_sent(self) -> int:
        return int(self._sender._RTCRtpSender__packet_count)  # type: ignore[attr-defined]

    @property
    def bytes_sent(self) -> int:
        return int(self._sender._RTCRtpSender__octet_count)  # type: ignore[attr-defined]

    @property
    def round_trip_time(self) -> float | None:
        rtt: float | None = self._sender._RTCRtpSender__rtt  # type: ignore[attr-defined]
        return rtt

    async def _run(self, codec: RTCRtpCodecParameters) -> None:
        sender: Any = self._sender
        sender._RTCRtpSender__rtp_started.set()
        try:
            while (unit := await self._source.next()) is not None:
                self._send(unit, codec.payloadType or 0)
        except (asyncio.CancelledError, ConnectionError):
            pass  # the sender is stopped by cancelling, and waits for `exited`; a lost transport ends it too
        except Exception:
            log.exception("sending %s failed", sender.kind)  # aiortc awaits `exited` only: nobody else would see it
        finally:
            sender._RTCRtpSender__rtp_exited.set()

    def _send(self, unit: Unit, payload_type: int) -> None:
        sender: Any = self._sender
        sendto, protect, address = self._outlet()
        ntp = int((time.time() + _NTP_EPOCH) * 65536)  # 16.16 of the low 48 bits
        extension = self._extension(ntp)
        first = _VERSION_AND_EXTENSION if extension else _VERSION
        timestamp = (self._timestamp_origin + unit.pts) & 0xFFFFFFFF
        payload_at = _HEADER.size + len(extension)
        payloads = self._packetize(unit.data)
        last, sequence_number, octets, sent = len(payloads) - 1, self._sequence_number, 0, 0
        for index, payload in enumerate(payloads):
            kind = payload_type | _MARKER if index == last else payload_type
            data = _HEADER.pack(first, kind, sequence_number, timestamp, sender._ssrc) + extension + payload
            self._history[sequence_number % HISTORY_SIZE] = _Packet(sequence_number, data, payload_at)
            protected = protect(data)
            sendto(protected, address)
            octets += len(payload)
            sent += len(protected)
            sequence_number = (sequence_number + 1) & 0xFFFF
        self._sequence_number = sequence_number
        self._account(len(payloads), octets, sent)
        captured = ((ntp << 16) - int((time.monotonic() - unit.captured_at) * (1 << 32))) & ((1 << 64) - 1)
        sender._RTCRtpSender__ntp_timestamp = captured
        sender._RTCRtpSender__rtp_timestamp = timestamp

    def _outlet(self) -> tuple[Callable[[bytes, Any], None], Callable[[bytes], bytes], Any]:
        """How a packet leaves: the socket's send, SRTP, and the far side's address."""
        dtls: Any = self._sender.transport
        pair = dtls.transport._connection._nominated.get(1)
        if dtls._state != State.CONNECTED or pair is None:
            raise ConnectionError("the transport is not connected")
        return pair.protocol.transport.sendto, dtls._tx_srtp.protect, pair.remote_addr

    def _extension(self, ntp: int) -> bytes:
        """The header extensions of all packets of one unit (RFC 8285); `ntp` is 48 bits, 16 of them a fraction."""
        sender: Any = self._sender
        values = HeaderExtensions(abs_send_time=(ntp << 2) & 0xFFFFFF, mid=sender._RTCRtpSender__mid)
        profile, value = sender._RTCRtpSender__rtp_header_extensions_map.set(values)
        return _EXTENSION.pack(profile, len(value) // 4) + value if value else b""

    def _account(self, packets: int, octets: int, sent: int) -> None:
        """`octets` of payload, `sent` bytes on the wire."""
        sender: Any = self._sender
        sender._RTCRtpSender__packet_count += packets
        sender._RTCRtpSender__octet_count += octets
        self._account_transport(packets, sent)

    def _account_transport(self, packets: int, sent: int) -> None:
        dtls: Any = self._sender.transport
        dtls._RTCDtlsTransport__tx_packets += packets
        dtls._RTCDtlsTransport__tx_bytes += sent

    # --- what comes back

    async def _on_rtcp(self, packet: Any) -> None:
        tally = self.tally
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._sender._ssrc:
                    tally.packets_lost = report.packets_lost
                    tally.fraction_lost = report.fraction_lost / 256
                    tally.jitter = report.jitter / self._clock_rate
        elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            tally.nack_count += 1
        elif isinstance(packet, RtcpPsfbPacket):
            self._on_payload_feedback(packet)
        await self._handle_rtcp(packet)

    def _on_payload_feedback(self, packet: RtcpPsfbPacket) -> None:
        if packet.fmt == RTCP_PSFB_PLI:
            self.tally.pli_count += 1
            self._on_picture_loss()
        elif packet.fmt == RTCP_PSFB_FIR:
            self.tally.fir_count += 1
            self._on_picture_loss()
        elif packet.fmt == RTCP_PSFB_APP:
            try:
                bitrate, ssrcs = unpack_remb_fci(packet.fci)
            except ValueError:
                return
            if self._sender._ssrc in ssrcs:
                self.tally.bitrate_estimate = bitrate

    async def _retransmit(self, sequence_number: int) -> None:
        """Resend a packet that a NACK names (RFC 4588), unless it is forgotten or was resent within a round trip."""
        packet = self._history[sequence_number % HISTORY_SIZE]
        if packet is None or packet.sequence_number != sequence_number:
            return
        now = time.monotonic()
        interval = max(MIN_RESEND_INTERVAL, self.round_trip_time or 0.0)
        if now - self._resent_at.get(sequence_number % HISTORY_SIZE, -interval) < interval:
            return
        try:
            sendto, protect, address = self._outlet()
        except ConnectionError:  # aiortc would take it for the end of its own receiving
            return
        self._resent_at[sequence_number % HISTORY_SIZE] = now
        protected = protect(self._as_rtx(packet))
        sendto(protected, address)
        self._account_transport(1, len(protected))
        self.tally.retransmitted_packets += 1
        self.tally.retransmitted_bytes += len(packet.data) - packet.payload_at

    def _as_rtx(self, packet: _Packet) -> bytes:
        sender: Any = self._sender
        payload_type = sender._RTCRtpSender__rtx_payload_type
        if payload_type is None:
            return packet.data
        first, kind, _, timestamp, _ = _HEADER.unpack_from(packet.data)
        number, self._rtx_sequence_number = self._rtx_sequence_number, (self._rtx_sequence_number + 1) & 0xFFFF
        header = _HEADER.pack(first, kind & _MARKER | payload_type, number, timestamp, sender._rtx_ssrc)
        extension = packet.data[_HEADER.size : packet.payload_at]
        return header + extension + _SEQUENCE.pack(packet.sequence_number) + packet.data[packet.payload_at :]
