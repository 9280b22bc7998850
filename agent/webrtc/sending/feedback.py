"""What the remote peer reports of one stream: RTCP read beside aiortc, counted, and passed on."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)

from agent.core.rate.receiver_report import ReceiverReport
from agent.webrtc.internals import RtpSender, TransportFeedback
from agent.webrtc.sending.socket_delay import socket_queueing_delay

# sender reports that an answer may still come for: about eight seconds
_REMEMBERED_REPORTS = 8
# sources of requests that are told apart
_REMEMBERED_SOURCES = 8
# Seconds in which a FIR with the number of the last one repeats it (RFC 5104 4.3.1.2). Who repeats
# it for longer lacks the picture, or does not count.
FIR_REPEATED = 3.0
# Seconds since the report before. Reports on sound come every five seconds in Chromium: what such
# a one names may have arrived long ago.
PROMPT_REPORT = 2.0
# byte of a FIR's entry
_NUMBER_AT = 4
# seconds by which a round trip may come out negative
_CLOCK_ERROR = 0.005


class FeedbackListener(Protocol):
    """Called on the event loop; must not raise. Fractions 0..1, seconds, bit/s.

    Of pictures it is `BitrateAdaptation`, of sound `OutboundAudio`.
    """

    def on_receiver_report(self, report: ReceiverReport) -> None: ...

    def on_remb(self, bitrate: int) -> None: ...

    def on_transport_feedback(self, first: int, arrivals: Sequence[float | None]) -> None:
        """When each packet arrived, from the transport-wide number `first` on, in seconds by the
        remote peer's clock; None for one that did not.
        """

    def on_nack(self, packets: int, run: tuple[int, int] | None) -> None:
        """Packets asked for again; `run`: the first and the last of the most in a row."""

    def on_picture_loss(self) -> None:
        """PLI or FIR."""


@dataclass(slots=True)
class SenderTally:
    """What the remote peer reported of one stream, and what was resent. Units are W3C's."""

    reports: int = 0
    # transport-wide feedback; where there is none, reports that named a packet which the one
    # shortly before did not
    acknowledged: int = 0
    nack_count: int = 0
    pli_count: int = 0
    fir_count: int = 0
    retransmitted_packets: int = 0
    retransmitted_bytes: int = 0
    packets_lost: int | None = None
    fraction_lost: float | None = None  # 0..1
    jitter: float | None = None  # seconds
    # seconds, the last one measured
    round_trip_time: float | None = None
    bitrate_estimate: int | None = None  # REMB, bit/s


class RemoteFeedback:
    """Reads the RTCP of one stream before aiortc does.

    Round trips are measured here: aiortc smooths them, forgets every sender report but the last,
    and uses a clock that jumps when the machine learns the time.
    """

    def __init__(self, rtp: RtpSender, clock_rate: int, listener: FeedbackListener | None) -> None:
        self.tally = SenderTally()
        self._rtp = rtp
        self._clock_rate = clock_rate
        self._listener = listener
        # middle of the NTP time -> when it was sent
        self._reports_sent: OrderedDict[int, float] = OrderedDict()
        self._highest: int | None = None
        self._reported_at = self._fed_back_at = float("-inf")
        # source of the request -> number of its last FIR, and when that came first
        self._requests: OrderedDict[int, tuple[int, float]] = OrderedDict()

    def on_sender_report(self, ntp: int) -> None:
        """One leaves now, with this time (RFC 3550 6.4.1: LSR)."""
        self._reports_sent[ntp] = time.monotonic()
        while len(self._reports_sent) > _REMEMBERED_REPORTS:
            self._reports_sent.popitem(last=False)

    def on_rtcp(self, packet: Any) -> None:
        """One of aiortc's packets for this stream."""
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._rtp.ssrc:
                    self._on_report(report)
        elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            self.tally.nack_count += 1
            if self._listener is not None:
                self._listener.on_nack(len(packet.lost), longest_run(packet.lost))
        elif isinstance(packet, TransportFeedback):
            self._fed_back_at = time.monotonic()
            self.tally.acknowledged += any(at is not None for at in packet.arrivals)
            if self._listener is not None:
                self._listener.on_transport_feedback(packet.first, packet.arrivals)
        elif isinstance(packet, RtcpPsfbPacket):
            self._on_payload_feedback(packet)

    def _on_report(self, report: RtcpReceiverInfo) -> None:
        tally = self.tally
        tally.reports += 1
        now = time.monotonic()
        is_prompt = now - self._reported_at <= PROMPT_REPORT < now - self._fed_back_at
        if is_prompt and report.highest_sequence != self._highest:
            tally.acknowledged += 1
        self._highest, self._reported_at = report.highest_sequence, now
        tally.packets_lost = report.packets_lost
        tally.fraction_lost = report.fraction_lost / 256
        tally.jitter = report.jitter / self._clock_rate
        queueing = self._socket_queueing()
        round_trip_time = self._round_trip_of(report, queueing)
        if round_trip_time is not None:
            tally.round_trip_time = round_trip_time
        if self._listener is not None:
            self._listener.on_receiver_report(
                ReceiverReport(
                    fraction_lost=tally.fraction_lost,
                    round_trip_time=round_trip_time,
                    jitter=tally.jitter,
                    highest_sequence=report.highest_sequence,
                    packets_lost=report.packets_lost,
                    lateness=queueing,
                )
            )

    def _socket_queueing(self) -> float:
        """How long what is handled now has waited in the socket."""
        return socket_queueing_delay(self._rtp.socket)

    def _round_trip_of(self, report: RtcpReceiverInfo, queueing: float) -> float | None:
        """RFC 3550 6.4.1; None where the report names no sender report of ours, or one that was
        answered before.
        """
        sent_at = self._reports_sent.pop(report.lsr, None)
        if sent_at is None or not report.lsr:
            return None
        round_trip_time = time.monotonic() - queueing - sent_at - report.dlsr / 65536
        return max(0.0, round_trip_time) if round_trip_time > -_CLOCK_ERROR else None

    def _on_payload_feedback(self, packet: RtcpPsfbPacket) -> None:
        if packet.fmt == RTCP_PSFB_PLI:
            self.tally.pli_count += 1
            self._picture_lost()
        elif packet.fmt == RTCP_PSFB_FIR and not self._is_repetition(packet):
            self.tally.fir_count += 1
            self._picture_lost()
        elif packet.fmt == RTCP_PSFB_APP:
            try:
                bitrate, ssrcs = unpack_remb_fci(packet.fci)
            except ValueError:
                return
            if self._rtp.ssrc in ssrcs:
                self.tally.bitrate_estimate = bitrate
                if self._listener is not None:
                    self._listener.on_remb(bitrate)

    def _is_repetition(self, fir: RtcpPsfbPacket) -> bool:
        """Whether this FIR was heard before; one without an entry has no number to tell by."""
        if len(fir.fci) <= _NUMBER_AT:
            return False
        number, now = fir.fci[_NUMBER_AT], time.monotonic()
        last = self._requests.get(fir.ssrc)
        if last is not None and last[0] == number and now - last[1] < FIR_REPEATED:
            return True
        self._requests[fir.ssrc] = number, now
        while len(self._requests) > _REMEMBERED_SOURCES:
            self._requests.popitem(last=False)
        return False

    def _picture_lost(self) -> None:
        if self._listener is not None:
            self._listener.on_picture_loss()


def longest_run(lost: list[int]) -> tuple[int, int] | None:
    """The first and the last of the most sequence numbers that follow one on another; None where
    there are none.
    """
    best: tuple[int, int] | None = None
    most = length = 0
    for index, number in enumerate(lost):
        follows = index > 0 and (number - lost[index - 1]) % (1 << 16) == 1
        length = length + 1 if follows else 1
        if length > most:
            most, best = length, (lost[index + 1 - length], number)
    return best
