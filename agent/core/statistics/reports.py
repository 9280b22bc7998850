"""Statistics as they go out: W3C webrtc-stats names and units, and the call record (PROTOCOL 5).

Attributes are snake_case here and camelCase on the wire. A value that is not known is None here and
left out there.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from agent.core.call.reasons import CallStatus, CloseReason, Purpose, Side


class Report(BaseModel):
    """The base of everything that is published: immutable, camelCase, unknown values left out."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore"
    )


class SentMedia(Report):
    """What this side sends of one kind. The first five are always there while video flows (sound
    has no frames).
    """

    frame_width: int | None = None
    frame_height: int | None = None
    frames_per_second: float | None = None
    bytes_sent: int | None = None
    # bit/s over the last interval
    bitrate: int | None = None
    codec: str | None = None
    packets_sent: int | None = None
    frames_sent: int | None = None
    key_frames_sent: int | None = None
    key_frames_encoded: int | None = None
    frames_encoded: int | None = None
    # by us, before sending: a full queue, up to the next key frame
    frames_dropped: int | None = None
    target_bitrate: int | None = None
    quality_limitation_reason: str | None = None
    nack_count: int | None = None
    pli_count: int | None = None
    fir_count: int | None = None
    retransmitted_packets_sent: int | None = None
    retransmitted_bytes_sent: int | None = None
    # ms, capture to send, mean over the last interval
    send_delay: float | None = None


class ReceivedMedia(Report):
    """What arrives of one kind, and, last, what the remote peer reports of ours."""

    frame_width: int | None = None
    frame_height: int | None = None
    frames_per_second: float | None = None
    bytes_received: int | None = None
    bitrate: int | None = None
    # ms, one way, estimated
    delay: float | None = None
    codec: str | None = None
    packets_received: int | None = None
    frames_received: int | None = None
    key_frames_received: int | None = None
    # seconds, of what arrives
    jitter: float | None = None
    packets_lost: int | None = None  # of what arrives
    nack_count: int | None = None  # sent by us
    pli_count: int | None = None  # sent by us
    freeze_count: int | None = None
    total_freezes_duration: float | None = None  # seconds
    total_audio_energy: float | None = None
    # of sound that is played here: samples of 48 kHz, in all and made up for what was lost or late
    total_samples_received: int | None = None
    concealed_samples: int | None = None
    concealment_events: int | None = None
    inserted_samples_for_deceleration: int | None = None
    removed_samples_for_acceleration: int | None = None
    # came too late, or left out to bound the delay
    packets_discarded: int | None = None
    # seconds, summed over the samples of the count
    jitter_buffer_delay: float | None = None
    jitter_buffer_emitted_count: int | None = None
    # of our stream, in the remote peer's receiver report
    remote_packets_lost: int | None = None
    fraction_lost: float | None = None  # 0..1, likewise
    remote_jitter: float | None = None  # seconds
    round_trip_time: float | None = None  # seconds
    remote_bitrate_estimate: int | None = None  # REMB, bit/s


class TransportReport(Report):
    """The path: the selected candidate pair, and what went over it."""

    local_candidate_type: str | None = None
    remote_candidate_type: str | None = None
    protocol: str | None = None
    relayed: bool | None = None
    current_round_trip_time: float | None = None
    packets_sent: int | None = None
    packets_received: int | None = None
    bytes_sent: int | None = None
    bytes_received: int | None = None
    ice_role: str | None = None
    dtls_state: str | None = None


class LocalStats(Report):
    """`local_stats`: what this side sends."""

    video: SentMedia | None = None
    audio: SentMedia | None = None
    transport: TransportReport | None = None


class RemoteStats(Report):
    """`remote_stats`: what arrives from the remote peer, and what it reports of our stream."""

    video: ReceivedMedia | None = None
    audio: ReceivedMedia | None = None
    transport: TransportReport | None = None


class SetupTimes(Report):
    """Milliseconds from the invitation to each phase that happened."""

    response: float | None = None
    ice: float | None = None
    dtls: float | None = None
    first_frame: float | None = None


class Path(Report):
    """Candidate types of the selected pair."""

    local: str | None = None
    remote: str | None = None
    protocol: str | None = None
    relayed: bool | None = None


class WorstInterval(Report):
    """The second with the fewest pictures: `after` so many seconds of the picture, over `duration`
    seconds, where the counters were read late.
    """

    after: float
    duration: float
    frames_per_second: float | None = None
    bitrate: int | None = None
    fraction_lost: float | None = None
    round_trip_time: float | None = None


class MediaTotals(Report):
    """One kind of media over the whole conversation: totals, and means over the time connected."""

    codec: str | None = None
    frame_width: int | None = None
    frame_height: int | None = None
    frames_sent: int | None = None
    key_frames_sent: int | None = None
    frames_received: int | None = None
    bytes_sent: int | None = None
    bytes_received: int | None = None
    packets_sent: int | None = None
    packets_received: int | None = None
    packets_lost: int | None = None
    remote_packets_lost: int | None = None
    retransmitted_packets_sent: int | None = None
    nack_count: int | None = None
    pli_count: int | None = None
    mean_bitrate_sent: int | None = None
    mean_bitrate_received: int | None = None
    mean_frames_per_second_sent: float | None = None
    mean_frames_per_second_received: float | None = None
    mean_round_trip_time: float | None = None
    mean_jitter: float | None = None
    # of the picture that arrives
    freeze_count: int | None = None
    total_freezes_duration: float | None = None  # seconds
    # of the picture: seconds for which it was limited, or did not move at all
    degraded_duration: float | None = None
    # of the picture that is sent: seconds by W3C's reason
    quality_limitation_durations: dict[str, float] | None = None
    worst_interval: WorstInterval | None = None


class Score(Report):
    """An estimate, 1 (bad) to 5 (excellent), and the name of the model that made it."""

    score: float
    model: str


class Quality(Report):
    """An estimate of how the call was, 1 (bad) to 5 (excellent), with the name of the model that
    made it: `mos` of the connection, as a voice would be heard over it, and one each of picture and
    sound.
    """

    mos: float
    model: str
    video: Score | None = None
    audio: Score | None = None


class CallRecord(Report):
    """What `closed` carries. Times are RFC 3339 UTC with milliseconds."""

    reason: CloseReason
    closed_by: Side
    call_status: CallStatus | None = None
    # of one that only looked to its end; left out in a talk
    purpose: Purpose | None = None
    invited_at: str | None = None
    answered_at: str | None = None
    connected_at: str | None = None
    # when it became a talk, after it had only looked
    talk_at: str | None = None
    ended_at: str | None = None
    duration: float = 0.0  # seconds connected
    setup: SetupTimes = SetupTimes()
    path: Path | None = None
    reconnects: int = 0
    # the conversation that took its place (PROTOCOL 3, calls that cross)
    answered_by: str | None = None
    # who answered in this side's place, where the inviter says so
    taken_by: str | None = None
    video: MediaTotals | None = None
    audio: MediaTotals | None = None
    quality: Quality | None = None
