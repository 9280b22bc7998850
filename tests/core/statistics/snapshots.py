"""Counters of a call with video one way and sound the other."""

from __future__ import annotations

from agent.core.statistics.counters import ReceivedCounters, SentCounters, TransportCounters

VIDEO = SentCounters(
    codec="H264",
    packets_sent=100,
    bytes_sent=50_000,
    frames_sent=60,
    key_frames_sent=2,
    frame_width=1280,
    frame_height=720,
    send_delay_total=0.3,
    nack_count=3,
    pli_count=1,
    remote_packets_lost=4,
    remote_fraction_lost=0.25,
    remote_jitter=0.002,
    round_trip_time=0.05,
)
AUDIO = ReceivedCounters(
    codec="opus", packets_received=100, bytes_received=8_000, packets_lost=1, jitter=0.001
)
PATH = TransportCounters(local_candidate_type="host", remote_candidate_type="relay", protocol="udp")
