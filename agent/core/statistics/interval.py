"""Reports over one interval, made of the counters at its two ends (W3C webrtc-stats)."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from agent.core.statistics.counters import (
    PlayoutCounters,
    ReceivedCounters,
    SentCounters,
    TransportCounters,
)
from agent.core.statistics.reports import ReceivedMedia, SentMedia, TransportReport

# seconds; over less a rate says nothing
SHORTEST = 0.001


def sent_media(
    now: SentCounters | None, before: SentCounters | None, seconds: float
) -> SentMedia | None:
    """What left of one kind between `before` and `now`, which are `seconds` apart."""
    if now is None:
        return None
    before = before or SentCounters()
    video = now.frame_width is not None
    fresh = now.frames_sent - before.frames_sent
    delay = (now.send_delay_total - before.send_delay_total) / fresh * 1000 if fresh > 0 else None
    return SentMedia(
        frame_width=now.frame_width,
        frame_height=now.frame_height,
        frames_per_second=rounded(_rate(now.frames_sent, before.frames_sent, seconds), 1)
        if video
        else None,
        bytes_sent=now.bytes_sent,
        bitrate=_bits(now.bytes_sent, before.bytes_sent, seconds),
        codec=now.codec,
        packets_sent=now.packets_sent,
        frames_sent=now.frames_sent if video else None,
        key_frames_sent=now.key_frames_sent if video else None,
        frames_encoded=now.frames_sent if video else None,
        key_frames_encoded=now.key_frames_sent if video else None,
        frames_dropped=now.frames_dropped if video else None,
        target_bitrate=now.target_bitrate,
        quality_limitation_reason=now.quality_limitation_reason,
        nack_count=now.nack_count,
        pli_count=now.pli_count if video else None,
        fir_count=now.fir_count if video else None,
        retransmitted_packets_sent=now.retransmitted_packets_sent,
        retransmitted_bytes_sent=now.retransmitted_bytes_sent,
        send_delay=rounded(delay, 1),
    )


def received_media(
    now: ReceivedCounters | None,
    before: ReceivedCounters | None,
    sent: SentCounters | None,
    seconds: float,
    transport: TransportCounters,
) -> ReceivedMedia | None:
    """What arrives (`now`), joined with what the remote peer reports of our stream of that kind
    (`sent`).
    """
    if now is not None and not now.packets_received:
        # negotiated, yet nothing came
        now = None
    if now is None and (sent is None or sent.remote_packets_lost is None):
        return None
    reported = sent or SentCounters()
    rtt = (
        reported.round_trip_time
        if reported.round_trip_time is not None
        else transport.current_round_trip_time
    )
    remote = {
        "remote_packets_lost": reported.remote_packets_lost,
        "fraction_lost": rounded(reported.remote_fraction_lost, 4),
        "remote_jitter": rounded(reported.remote_jitter, 6),
        "round_trip_time": rounded(rtt, 6),
        "remote_bitrate_estimate": reported.remote_bitrate_estimate,
    }
    if now is None:
        return ReceivedMedia.model_validate(remote)
    arrived = _arrived(now, before or ReceivedCounters(), seconds)
    arrived["delay"] = rounded(rtt * 500, 1) if rtt is not None else None
    return ReceivedMedia.model_validate(arrived | remote)


def _arrived(now: ReceivedCounters, before: ReceivedCounters, seconds: float) -> dict[str, Any]:
    video = now.frame_width is not None
    frames_per_second = _rate(now.frames_received, before.frames_received, seconds)
    return {
        "frame_width": now.frame_width,
        "frame_height": now.frame_height,
        "frames_per_second": rounded(frames_per_second, 1) if video else None,
        "bytes_received": now.bytes_received,
        "bitrate": _bits(now.bytes_received, before.bytes_received, seconds),
        "codec": now.codec,
        "packets_received": now.packets_received,
        "frames_received": now.frames_received if video else None,
        "key_frames_received": now.key_frames_received if video else None,
        "jitter": rounded(now.jitter, 6),
        "packets_lost": now.packets_lost,
        "nack_count": now.nack_count,
        "pli_count": now.pli_count if video else None,
        "freeze_count": now.freeze_count if video else None,
        "total_freezes_duration": rounded(now.total_freezes_duration, 3) if video else None,
        "total_audio_energy": rounded(now.total_audio_energy, 6),
        **{field.name: getattr(now, field.name) for field in fields(PlayoutCounters)},
        "jitter_buffer_delay": rounded(now.jitter_buffer_delay, 3),
    }


def transport_report(now: TransportCounters) -> TransportReport:
    """The selected pair and its totals."""
    report = asdict(now)
    if now.local_candidate_type is not None:
        report["relayed"] = is_relayed(now)
    report["current_round_trip_time"] = rounded(now.current_round_trip_time, 6)
    return TransportReport.model_validate(report)


def is_relayed(transport: TransportCounters) -> bool:
    """Whether a TURN server carries the media."""
    return "relay" in (transport.local_candidate_type, transport.remote_candidate_type)


def _rate(now: int, before: int, seconds: float) -> float | None:
    return max(0, now - before) / seconds if seconds >= SHORTEST else None


def _bits(now: int, before: int, seconds: float) -> int | None:
    rate = _rate(now, before, seconds)
    return None if rate is None else round(rate * 8)


def rounded(value: float | None, digits: int) -> float | None:
    """`value` to so many digits after the point; None stays None."""
    return None if value is None else round(value, digits)
