"""Running totals of a transport, as its adapter snapshots them. Units are W3C's: seconds, bytes,
shares of 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SentCounters:
    """Running totals of one kind that we send. None: not known (yet)."""

    codec: str | None = None
    packets_sent: int = 0
    # RTP payload, without retransmissions
    bytes_sent: int = 0
    frames_sent: int = 0
    key_frames_sent: int = 0
    frames_dropped: int = 0
    frame_width: int | None = None
    frame_height: int | None = None
    # seconds, capture to send, summed over frames_sent
    send_delay_total: float = 0.0
    nack_count: int = 0
    pli_count: int = 0
    fir_count: int = 0
    retransmitted_packets_sent: int = 0
    retransmitted_bytes_sent: int = 0
    target_bitrate: int | None = None
    # bit/s that the path carries, as far as known; in an outage, from before it
    carried_bitrate: int | None = None
    quality_limitation_reason: str | None = None
    # what the remote peer reports of this stream
    remote_packets_lost: int | None = None
    remote_fraction_lost: float | None = None  # 0..1
    remote_jitter: float | None = None  # seconds
    round_trip_time: float | None = None  # seconds
    remote_bitrate_estimate: int | None = None  # REMB, bit/s


@dataclass(frozen=True, slots=True)
class PlayoutCounters:
    """Running totals of sound that is played here, by W3C's names; samples, unless said
    otherwise.
    """

    total_samples_received: int = 0
    # made up for what was lost or late, and how often
    concealed_samples: int = 0
    concealment_events: int = 0
    inserted_samples_for_deceleration: int = 0
    removed_samples_for_acceleration: int = 0
    # packets that came too late, or were left out to bound the delay
    packets_discarded: int = 0
    # seconds, summed over samples, and how many those are
    jitter_buffer_delay: float = 0.0
    jitter_buffer_emitted_count: int = 0


@dataclass(frozen=True, slots=True)
class ReceivedCounters:
    """Running totals of one kind that arrives."""

    codec: str | None = None
    packets_received: int = 0
    bytes_received: int = 0
    packets_lost: int | None = None
    jitter: float | None = None  # seconds
    frames_received: int = 0
    key_frames_received: int = 0
    frame_width: int | None = None
    frame_height: int | None = None
    nack_count: int = 0
    pli_count: int = 0
    # of the picture, as W3C counts them
    freeze_count: int = 0
    total_freezes_duration: float = 0.0
    total_audio_energy: float | None = None
    # of `PlayoutCounters`; None where nothing is played
    total_samples_received: int | None = None
    concealed_samples: int | None = None
    concealment_events: int | None = None
    inserted_samples_for_deceleration: int | None = None
    removed_samples_for_acceleration: int | None = None
    packets_discarded: int | None = None
    jitter_buffer_delay: float | None = None
    jitter_buffer_emitted_count: int | None = None
    last_packet_at: float | None = None  # time.monotonic()


@dataclass(frozen=True, slots=True)
class TransportCounters:
    """The selected pair and its totals."""

    local_candidate_type: str | None = None
    remote_candidate_type: str | None = None
    protocol: str | None = None
    current_round_trip_time: float | None = None
    packets_sent: int | None = None
    packets_received: int | None = None
    bytes_sent: int | None = None
    bytes_received: int | None = None
    ice_role: str | None = None
    dtls_state: str | None = None
    # local and remote; for comparing paths, and never told
    addresses: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PeerCounters:
    """A snapshot of a transport. `at` is `time.monotonic()` seconds."""

    at: float
    video_sent: SentCounters | None = None
    audio_sent: SentCounters | None = None
    video_received: ReceivedCounters | None = None
    audio_received: ReceivedCounters | None = None
    transport: TransportCounters = TransportCounters()
