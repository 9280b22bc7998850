"""The receiver of a simulated link: what it counts, asks for again and estimates."""

from __future__ import annotations

from dataclasses import dataclass

from aiortc.rate import RemoteBitrateEstimator

# bytes of a full packet
PAYLOAD = 1200
# bytes of IP, UDP, SRTP and RTP on each
OVERHEAD = 50


@dataclass(slots=True)
class Packet:
    sequence_number: int
    # bytes on the wire
    size: int
    sent_at: float
    captured_at: float
    retransmission: bool = False
    sender_report: bool = False
    # transport-wide
    number: int | None = None


class Receiver:
    """RFC 3550 receiver statistics, NACK on the first gap, REMB where it is sent. Times in seconds
    of the simulation.
    """

    def __init__(self, *, remb: bool) -> None:
        self.highest = -1
        self.reported_highest = -1
        self.received = 0
        self.reported_received = 0
        self.lost = 0
        self.jitter = 0.0
        self.last_transit: float | None = None
        self.last_sender_report: tuple[float, float] | None = None  # (sent, arrived)
        self.estimator = RemoteBitrateEstimator() if remb else None
        self.estimate: int | None = None

    def on_packet(self, packet: Packet, now: float) -> list[int]:
        """Takes a packet; returns the sequence numbers to ask for again."""
        if packet.sender_report:
            self.last_sender_report = (packet.sent_at, now)
            return []
        if self.estimator is not None:
            sent_at = int(packet.sent_at * (1 << 18)) & 0xFFFFFF
            estimate = self.estimator.add(int(now * 1000), sent_at, packet.size - OVERHEAD, 1)
            if estimate is not None:
                self.estimate = estimate[0]
        if packet.retransmission:
            return []
        self.received += 1
        transit = now - packet.captured_at
        if self.last_transit is not None:
            self.jitter += (abs(transit - self.last_transit) - self.jitter) / 16
        self.last_transit = transit
        missing = list(range(self.highest + 1, packet.sequence_number))
        self.highest = packet.sequence_number
        return missing

    def fraction_lost(self) -> float:
        """Since the last call, as a receiver report has it: in steps of 1/256."""
        expected = self.highest - self.reported_highest
        received = self.received - self.reported_received
        self.reported_highest, self.reported_received = self.highest, self.received
        self.lost += max(0, expected - received)
        return int(256 * max(0, expected - received) / expected) / 256 if expected > 0 else 0.0
