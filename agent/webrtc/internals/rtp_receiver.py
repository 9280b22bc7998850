"""Receiving: what aiortc assembles is handed out before it would decode it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from aiortc import RTCRtpReceiver
from aiortc.codecs import is_rtx
from aiortc.rtcrtpparameters import RTCRtpCodecParameters, RTCRtpReceiveParameters
from aiortc.rtcrtpreceiver import NackGenerator
from aiortc.rtp import RTP_HISTORY_SIZE
from aiortc.utils import uint16_add, uint16_gt

from agent.webrtc.internals.arrival_feedback import FeedbackGiver
from agent.webrtc.internals.ending import report_always
from agent.webrtc.internals.refused_datagrams import REFUSED, Refusal

# Of one receiver: each has its statistics and a block in every report, of which 31 fit (RFC 3550
# 6.4.2). A remote peer that is put on hold and taken back may have another one each time.
MAX_SOURCES = 31
# units that mean nothing, or may in later documents (RFC 6184 5.4), and those that are a header
# alone, such as the end of a sequence
_UNKNOWN_UNITS = frozenset({0, 30, 31})
_UNIT_TYPE = 0x1F


class _FrameOutlet:
    """Takes the place of aiortc's decoder thread and of the queue to it: frames go to `deliver` on
    the loop, still encoded.
    """

    def __init__(self, deliver: Callable[[RTCRtpCodecParameters, bytes, int], None]) -> None:
        self._deliver = deliver

    def put(self, item: Any) -> None:
        """None ends a thread; here is none to end."""
        if item is not None:
            codec, frame = item
            self._deliver(codec, frame.data, frame.timestamp)

    def join(self) -> None:
        """It has ended."""


def _ignore(_codec: RTCRtpCodecParameters, _data: bytes, _timestamp: int) -> None:
    """Pictures come from the assembler."""


class FrameAssembler(Protocol):
    """What makes pictures of packets, in the place of aiortc's jitter buffer."""

    def add(self, now: float, packet: Any) -> bool:
        """Take one of aiortc's RTP packets, whose `_data` is its share of the access unit. Whether
        a key frame is to be asked for.
        """


class _AssemblerAsJitterBuffer:
    def __init__(self, assembler: FrameAssembler) -> None:
        self._assembler = assembler

    def add(self, packet: Any) -> tuple[bool, None]:
        """Whether to send a PLI; never a frame for aiortc to decode."""
        return self._assembler.add(time.monotonic(), packet), None


class _ObservedJitterBuffer:
    """aiortc's own, of which each packet is seen before it."""

    def __init__(self, buffer: Any, on_packet: Callable[[Any], None]) -> None:
        self._buffer = buffer
        self._on_packet = on_packet

    def add(self, packet: Any) -> tuple[bool, Any]:
        self._on_packet(packet)
        result: tuple[bool, Any] = self._buffer.add(packet)
        return result


class _BoundedNacks(NackGenerator):
    """aiortc's, which walks over every number of a jump, up to 32,767 for one packet, to keep the
    last 128 of them.
    """

    def add(self, packet: Any) -> bool:
        oldest = uint16_add(packet.sequence_number, -RTP_HISTORY_SIZE)
        if (
            self.max_seq is not None
            and uint16_gt(packet.sequence_number, self.max_seq)
            and uint16_gt(oldest, self.max_seq)
        ):
            self.missing.clear()
            self.max_seq = uint16_add(oldest, -1)
        return super().add(packet)


def _means_nothing(payload: bytes) -> bool:
    return len(payload) == 1 or (bool(payload) and payload[0] & _UNIT_TYPE in _UNKNOWN_UNITS)


class ReceiverTap:
    """Hands out what one receiver assembles without decoding it, and counts what arrives.

    Pictures are made by `assembler`, which is given for video. Sound goes to `deliver(codec, data,
    timestamp)` on the loop; `timestamp` starts at 0 and counts the codec's clock. `on_packet` gets
    each of its RTP packets before, as it arrives, with the payload in `_data`; it must not raise.
    Of pictures whose packets are numbered it tells the remote peer when each arrived.
    """

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        on_first_packet: Callable[[], None],
        *,
        assembler: FrameAssembler | None = None,
        deliver: Callable[[RTCRtpCodecParameters, bytes, int], None] | None = None,
        on_packet: Callable[[Any], None] | None = None,
    ) -> None:
        self.bytes_received = 0
        self.last_packet_at: float | None = None
        self.nack_count = 0
        self.pli_count = 0
        self._sources: set[int] = set()
        # payload type -> the source that came with it last
        self._latest: dict[int, int] = {}
        self._receiver = receiver
        report_always(receiver)
        self._feedback = FeedbackGiver(receiver) if assembler is not None else None
        self._on_first_packet = on_first_packet
        self._handle = receiver._handle_rtp_packet
        self._nack = receiver._send_rtcp_nack
        self._pli = receiver._send_rtcp_pli
        if assembler is not None:
            buffer = _AssemblerAsJitterBuffer(assembler)
            receiver._RTCRtpReceiver__jitter_buffer = buffer  # type: ignore[attr-defined]
        if on_packet is not None:
            observed: Any = receiver
            observed._RTCRtpReceiver__jitter_buffer = _ObservedJitterBuffer(
                observed._RTCRtpReceiver__jitter_buffer, on_packet
            )
        if receiver._RTCRtpReceiver__nack_generator is not None:  # type: ignore[attr-defined]
            receiver._RTCRtpReceiver__nack_generator = _BoundedNacks()  # type: ignore[attr-defined]
        self._outlet = _FrameOutlet(deliver or _ignore)
        receiver._RTCRtpReceiver__decoder_queue = self._outlet  # type: ignore[attr-defined]
        receiver.receive = self._start  # type: ignore[method-assign]
        receiver._handle_rtp_packet = self._on_rtp  # type: ignore[method-assign]
        receiver._send_rtcp_nack = self._on_nack  # type: ignore[method-assign]
        receiver._send_rtcp_pli = self._on_pli  # type: ignore[method-assign]

    @property
    def streams(self) -> list[Any]:
        """The statistics of the received SSRCs, retransmission streams aside."""
        rtx = self._receiver._RTCRtpReceiver__rtx_ssrc  # type: ignore[attr-defined]
        streams = self._receiver._RTCRtpReceiver__remote_streams  # type: ignore[attr-defined]
        return [stream for ssrc, stream in streams.items() if ssrc not in rtx]

    async def _start(self, parameters: RTCRtpReceiveParameters) -> None:
        """In the place of aiortc's `receive`, which starts a thread to decode in and blocks the
        loop until it runs: several milliseconds, where an encoder's thread has the interpreter.
        """
        receiver: Any = self._receiver
        if receiver._RTCRtpReceiver__started:
            return
        for codec in parameters.codecs:
            receiver._RTCRtpReceiver__codecs[codec.payloadType] = codec
        for encoding in parameters.encodings:
            if encoding.rtx:
                receiver._RTCRtpReceiver__rtx_ssrc[encoding.rtx.ssrc] = encoding.ssrc
        receiver._RTCRtpReceiver__decoder_thread = self._outlet
        receiver.transport._register_rtp_receiver(receiver, parameters)
        receiver._RTCRtpReceiver__rtcp_task = asyncio.ensure_future(receiver._run_rtcp())
        receiver._RTCRtpReceiver__started = True

    async def _on_rtp(self, packet: Any, arrival_time_ms: int) -> None:
        self._note_arrival(packet)
        if packet.ssrc not in self._sources:
            if len(self._sources) >= MAX_SOURCES:
                REFUSED.count(Refusal.EXCESS)
                return
            self._sources.add(packet.ssrc)
        if self.last_packet_at is None:
            self._on_first_packet()
        self.last_packet_at = time.monotonic()
        self.bytes_received += len(packet.payload)
        self._prepare(packet)
        await self._handle(packet, arrival_time_ms)

    def _note_arrival(self, packet: Any) -> None:
        number = packet.extensions.transport_sequence_number
        if self._feedback is None or number is None:
            return
        self._feedback.note(number, time.monotonic(), packet.ssrc)
        # aiortc would send REMB of it, and nobody expects both
        packet.extensions.abs_send_time = None

    def _prepare(self, packet: Any) -> None:
        """Put right what aiortc takes from the description, or does not take."""
        receiver: Any = self._receiver
        codec = receiver._RTCRtpReceiver__codecs.get(packet.payload_type)
        if codec is None:
            return
        resends = receiver._RTCRtpReceiver__rtx_ssrc
        if is_rtx(codec):
            # It knows two sources, in this order, and no others; many remote peers name none, or
            # those of three sizes. What is resent is of the source that sends (RFC 4588 8.3).
            latest = self._latest.get(codec.parameters.get("apt"))
            if latest is not None:
                resends[packet.ssrc] = latest
            return
        resends.pop(packet.ssrc, None)
        self._latest[packet.payload_type] = packet.ssrc
        if codec.mimeType.lower() == "video/h264" and _means_nothing(packet.payload):
            # or it would be taken for lost, and the picture with it
            packet.payload = b""

    async def _on_nack(self, media_ssrc: int, lost: list[int]) -> None:
        self.nack_count += 1
        await self._nack(media_ssrc, lost)

    async def _on_pli(self, media_ssrc: int) -> None:
        self.pli_count += 1
        await self._pli(media_ssrc)
