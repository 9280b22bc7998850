"""Receiving: what aiortc assembles is handed out before it would decode it."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtcrtpreceiver import TimestampMapper

CAPACITY = 512  # packets of video, as aiortc's own
PATIENCE = 0.4  # seconds that a picture may wait for a packet to be resent


class _FrameOutlet(queue.Queue[Any]):
    """Takes the place of the queue to aiortc's decoder thread: frames go to `deliver` on the loop, still encoded.

    The thread sees only the None that ends it.
    """

    def __init__(self, deliver: Callable[[RTCRtpCodecParameters, bytes, int], None]) -> None:
        super().__init__()
        self._deliver = deliver

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item is None:
            super().put(item, block, timeout)
        else:
            codec, frame = item
            self._deliver(codec, frame.data, frame.timestamp)


class PictureBuffer(JitterBuffer):
    """Gives a picture out with the packet that ends it, where aiortc waits for the next picture to begin.

    A packet that does not come within `PATIENCE` costs what waits behind it, and asks for a key frame; aiortc would
    wait for 512 packets more.
    """

    def __init__(self, deliver: Callable[[bytes, int], None], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(CAPACITY, is_video=True)
        self._deliver = deliver
        self._clock = clock
        self._mapper = TimestampMapper()
        self._newest: Any = None
        self._contiguous = 0  # packets from the first one on without a hole
        self._waiting_since: float | None = None
        self._broken_timestamp: int | None = None  # of the picture whose beginning was given up

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        if self._newest is None or 0 < (packet.sequence_number - self._newest.sequence_number) & 0xFFFF < 0x8000:
            self._newest = packet
        lost, _ = super().add(packet)
        return self._lost_patience() or lost, None

    def _remove_frame(self, _sequence_number: int) -> None:
        """Deliver every picture that is complete, oldest first. The name is aiortc's."""
        while (packets := self._first_picture()) is not None:
            self.remove(len(packets))
            self._waiting_since = None
            timestamp = packets[0].timestamp
            if timestamp != self._broken_timestamp:
                self._deliver(b"".join(packet._data for packet in packets), self._mapper.map(timestamp))

    def _first_picture(self) -> list[Any] | None:
        """The packets of the first picture: up to the marker, or to another timestamp; None while some lack."""
        packets: list[Any] = []
        for offset in range(self._capacity):
            packet: Any = self._packets[((self._origin or 0) + offset) % self._capacity]
            if packet is None:
                self._contiguous = offset
                return None
            if packets and packet.timestamp != packets[0].timestamp:
                return packets
            packets.append(packet)
            if packet.marker:
                return packets
        self._contiguous = self._capacity
        return None

    def _has_hole(self) -> bool:
        """Whether a packet is missing before the newest one."""
        expected = (self._newest.sequence_number - (self._origin or 0) + 1) & 0xFFFF
        return bool(self._contiguous < expected <= self._capacity)

    def _lost_patience(self) -> bool:
        if not self._has_hole():
            self._waiting_since = None
            return False
        now = self._clock()
        if self._waiting_since is None:
            self._waiting_since = now
        if now - self._waiting_since < PATIENCE:
            return False
        self._waiting_since = None
        self._broken_timestamp = self._newest.timestamp
        self.remove(self._capacity)
        self._contiguous = 0
        self._origin = (self._newest.sequence_number + 1) & 0xFFFF
        return True


class ReceiverTap:
    """Hands out what one receiver assembles without decoding it, and counts what arrives.

    `deliver(codec, data, timestamp)` runs on the loop; `timestamp` starts at 0 and counts the codec's clock. `codec` is
    given for sound, which has to be decoded.
    """

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        deliver: Callable[[RTCRtpCodecParameters | None, bytes, int], None],
        on_first_packet: Callable[[], None],
    ) -> None:
        self.bytes_received = 0
        self.last_packet_at: float | None = None
        self.nack_count = 0
        self.pli_count = 0
        self._receiver = receiver
        self._on_first_packet = on_first_packet
        self._handle = receiver._handle_rtp_packet
        self._nack = receiver._send_rtcp_nack
        self._pli = receiver._send_rtcp_pli
        if receiver._RTCRtpReceiver__kind == "video":  # type: ignore[attr-defined]
            buffer = PictureBuffer(lambda data, timestamp: deliver(None, data, timestamp))
            receiver._RTCRtpReceiver__jitter_buffer = buffer  # type: ignore[attr-defined]
        else:
            receiver._RTCRtpReceiver__decoder_queue = _FrameOutlet(deliver)  # type: ignore[attr-defined]
        receiver._handle_rtp_packet = self._on_rtp  # type: ignore[method-assign]
        receiver._send_rtcp_nack = self._on_nack  # type: ignore[method-assign]
        receiver._send_rtcp_pli = self._on_pli  # type: ignore[method-assign]

    def request_keyframe(self) -> None:
        """Send a PLI with the next packet that arrives."""
        self._receiver._RTCRtpReceiver__decoder_error.set()  # type: ignore[attr-defined]

    @property
    def streams(self) -> list[Any]:
        """The statistics of the received SSRCs, retransmission streams aside."""
        rtx = self._receiver._RTCRtpReceiver__rtx_ssrc  # type: ignore[attr-defined]
        streams = self._receiver._RTCRtpReceiver__remote_streams  # type: ignore[attr-defined]
        return [stream for ssrc, stream in streams.items() if ssrc not in rtx]

    async def _on_rtp(self, packet: Any, arrival_time_ms: int) -> None:
        if self.last_packet_at is None:
            self._on_first_packet()
        self.last_packet_at = time.monotonic()
        self.bytes_received += len(packet.payload)
        await self._handle(packet, arrival_time_ms)

    async def _on_nack(self, media_ssrc: int, lost: list[int]) -> None:
        self.nack_count += 1
        await self._nack(media_ssrc, lost)

    async def _on_pli(self, media_ssrc: int) -> None:
        self.pli_count += 1
        await self._pli(media_ssrc)
