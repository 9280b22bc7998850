"""The port to one of aiortc's senders: its identity, its SRTP session, its statistics, its RTCP.

The RTP loop is ours (`sending/rtp_stream.py`) and takes the place of aiortc's, whose RTCP it
shares. The border between the two is crossed once for each run of packets.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from aiortc import RTCRtpSender
from aiortc.rtcdtlstransport import State
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import HeaderExtensions, RtcpSrPacket

from agent.webrtc.internals.ending import report_always
from agent.webrtc.internals.header_extensions import ExtensionsMap

# (asyncio's transport, packets, address)
Transmit = Callable[[Any, Sequence[bytes], Any], None]

_EXTENSION = struct.Struct("!HH")
_LARGEST_SEND_TIME, _LARGEST_NUMBER = 0xFFFFFF, 0xFFFF


class Extensions(NamedTuple):
    """The header extensions of a packet, and where those stand that differ from packet to packet;
    None where they were not negotiated.
    """

    template: bytes
    # 3 bytes of abs-send-time
    send_time_at: int | None
    # 2 bytes: the number of the packet among all of the transport
    number_at: int | None


class RtpLoop(Protocol):
    """What sends through the port. Called on the event loop."""

    async def run(self, payload_type: int, *, nack: bool) -> None:
        """Send until the source ends; `nack`: retransmissions were negotiated. Cancelled when the
        sender is stopped, and may raise ConnectionError.
        """

    def retransmit(self, sequence_number: int) -> None:
        """A NACK has asked for it."""

    def on_rtcp(self, packet: Any) -> None:
        """One of aiortc's RTCP packets, for this sender."""

    def on_sender_report(self, ntp: int) -> None:
        """One leaves; `ntp` is the middle 32 bits of its time (RFC 3550 6.4.1: LSR)."""


class RtpSender:
    """A sender of aiortc's, with `transmit` to put its packets on the wire."""

    def __init__(self, sender: RTCRtpSender, transmit: Transmit) -> None:
        self._sender: Any = sender
        self._transmit = transmit
        self._handle_rtcp = sender._handle_rtcp_packet
        self._send_rtcp = sender._send_rtcp
        report_always(sender)
        private: Any = sender
        private._RTCRtpSender__rtp_header_extensions_map = ExtensionsMap()

    def attach(self, loop: RtpLoop) -> None:
        """Let `loop` take the place of aiortc's own. Once, before the sender is started."""
        sender = self._sender

        async def run(codec: RTCRtpCodecParameters) -> None:
            sender._RTCRtpSender__rtp_started.set()
            nack = any(each.type == "nack" and not each.parameter for each in codec.rtcpFeedback)
            try:
                await loop.run(codec.payloadType or 0, nack=nack)
            except (asyncio.CancelledError, ConnectionError):
                # the sender is stopped by cancelling, and waits for `exited`; a lost transport
                # ends it too
                pass
            finally:
                sender._RTCRtpSender__rtp_exited.set()

        async def retransmit(sequence_number: int) -> None:
            loop.retransmit(sequence_number)

        async def rtcp_received(packet: Any) -> None:
            loop.on_rtcp(packet)
            await self._handle_rtcp(packet)

        async def rtcp_leaves(packets: Sequence[Any]) -> None:
            for packet in packets:
                if isinstance(packet, RtcpSrPacket):
                    loop.on_sender_report(packet.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF)
            await self._send_rtcp(list(packets))

        sender._run_rtp = run
        sender._retransmit = retransmit
        sender._handle_rtcp_packet = rtcp_received
        sender._send_rtcp = rtcp_leaves

    @property
    def kind(self) -> str:
        return str(self._sender.kind)

    @property
    def ssrc(self) -> int:
        """Chosen once."""
        return int(self._sender._ssrc)

    @property
    def rtx(self) -> tuple[int, int] | None:
        """Payload type and SSRC of retransmissions (RFC 4588), where they were negotiated."""
        payload_type: int | None = self._sender._RTCRtpSender__rtx_payload_type
        return None if payload_type is None else (payload_type, self._sender._rtx_ssrc)

    @property
    def packets_sent(self) -> int:
        return int(self._sender._RTCRtpSender__packet_count)

    @property
    def bytes_sent(self) -> int:
        """Of payload."""
        return int(self._sender._RTCRtpSender__octet_count)

    @property
    def socket(self) -> Any:
        """The transport of the selected pair; None while there is none."""
        pair = self._sender.transport.transport._connection._nominated.get(1)
        return pair.protocol.transport if pair is not None else None

    def unsent(self) -> int:
        """Bytes that the socket has not taken. Raises ConnectionError without a connection."""
        return int(self._selected_pair().protocol.transport.get_write_buffer_size())

    def send(self, packets: Sequence[bytes], octets: int, captured: int, timestamp: int) -> int:
        """Protect and send RTP packets with `octets` of payload. Returns their bytes on the wire.

        `captured` (NTP, 64 bits) and `timestamp` name the same moment in the next sender report.
        Raises ConnectionError without a connection.
        """
        size = self._emit(packets)
        sender = self._sender
        sender._RTCRtpSender__packet_count += len(packets)
        sender._RTCRtpSender__octet_count += octets
        sender._RTCRtpSender__ntp_timestamp = captured
        sender._RTCRtpSender__rtp_timestamp = timestamp
        return size

    def resend(self, packet: bytes) -> int:
        """The same for a retransmission, which has statistics of its own."""
        return self._emit([packet])

    def extensions(self) -> Extensions:
        """Those of a packet (RFC 8285), as they were negotiated."""
        plain = self._pack_extensions(0, 0)
        return Extensions(
            plain,
            _differs(plain, self._pack_extensions(_LARGEST_SEND_TIME, 0)),
            _differs(plain, self._pack_extensions(0, _LARGEST_NUMBER)),
        )

    def _selected_pair(self) -> Any:
        dtls = self._sender.transport
        pair = dtls.transport._connection._nominated.get(1)
        if pair is None or dtls._state is not State.CONNECTED:
            raise ConnectionError("the transport is not connected")
        return pair

    def _emit(self, packets: Sequence[bytes]) -> int:
        pair, dtls = self._selected_pair(), self._sender.transport
        protected = list(map(dtls._tx_srtp.protect, packets))
        self._transmit(pair.protocol.transport, protected, pair.remote_addr)
        size = sum(map(len, protected))
        dtls._RTCDtlsTransport__tx_packets += len(protected)
        dtls._RTCDtlsTransport__tx_bytes += size
        return size

    def _pack_extensions(self, time: int, number: int) -> bytes:
        sender = self._sender
        values = HeaderExtensions(
            abs_send_time=time,
            mid=sender._RTCRtpSender__mid,
            transport_sequence_number=number,
        )
        profile, value = sender._RTCRtpSender__rtp_header_extensions_map.set(values)
        return _EXTENSION.pack(profile, len(value) // 4) + value if value else b""


def _differs(one: bytes, other: bytes) -> int | None:
    """Where the first byte of them that differs stands."""
    pairs = enumerate(zip(one, other, strict=True))
    return next((at for at, (first, second) in pairs if first != second), None)
