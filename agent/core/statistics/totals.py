"""Totals over a whole conversation: the counters of its transports, added up."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from agent.core.statistics.counters import (
    PeerCounters,
    PlayoutCounters,
    ReceivedCounters,
    SentCounters,
)
from agent.core.statistics.interval import SHORTEST, rounded
from agent.core.statistics.reports import MediaTotals

_Counters = TypeVar("_Counters", SentCounters, ReceivedCounters)
_SUMMED = frozenset(
    {
        "packets_sent",
        "bytes_sent",
        "frames_sent",
        "key_frames_sent",
        "frames_dropped",
        "send_delay_total",
        "nack_count",
        "pli_count",
        "fir_count",
        "retransmitted_packets_sent",
        "retransmitted_bytes_sent",
        "remote_packets_lost",
        "packets_received",
        "bytes_received",
        "packets_lost",
        "frames_received",
        "key_frames_received",
        "freeze_count",
        "total_freezes_duration",
        "total_audio_energy",
        *(field.name for field in fields(PlayoutCounters)),
    }
)


def _add_media(earlier: _Counters | None, latest: _Counters | None) -> _Counters | None:
    """Totals added up; everything else (codec, size, ...) as it was last known."""
    if earlier is None or latest is None:
        return latest or earlier
    merged: dict[str, Any] = {}
    for field in fields(latest):
        old, new = getattr(earlier, field.name), getattr(latest, field.name)
        if old is None or new is None:
            merged[field.name] = old if new is None else new
        else:
            merged[field.name] = old + new if field.name in _SUMMED else new
    return type(latest)(**merged)


def add_counters(earlier: PeerCounters | None, latest: PeerCounters) -> PeerCounters:
    """The counters of two transports, one after the other, as one."""
    if earlier is None:
        return latest
    return PeerCounters(
        at=latest.at,
        video_sent=_add_media(earlier.video_sent, latest.video_sent),
        audio_sent=_add_media(earlier.audio_sent, latest.audio_sent),
        video_received=_add_media(earlier.video_received, latest.video_received),
        audio_received=_add_media(earlier.audio_received, latest.audio_received),
        transport=latest.transport,
    )


def worst_loss(counters: PeerCounters) -> float:
    """The worst share of packets lost, 0..1, over both directions and kinds."""
    worst = 0.0
    for sent in (counters.video_sent, counters.audio_sent):
        if sent is not None and sent.remote_packets_lost is not None and sent.packets_sent:
            worst = max(worst, sent.remote_packets_lost / sent.packets_sent)
    for received in (counters.video_received, counters.audio_received):
        if received is not None and received.packets_lost and received.packets_received:
            worst = max(
                worst, received.packets_lost / (received.packets_received + received.packets_lost)
            )
    return min(worst, 1.0)


def media_totals(
    sent: SentCounters | None,
    received: ReceivedCounters | None,
    seconds: float,
    rtt: float | None,
    jitter: float | None,
) -> MediaTotals | None:
    """Both directions of one kind over `seconds` connected. `rtt` and `jitter` are means."""
    if sent is None and received is None:
        return None
    out, come = sent or SentCounters(), received or ReceivedCounters()
    video = out.frame_width is not None or come.frame_width is not None
    connected = seconds >= SHORTEST
    return MediaTotals(
        codec=out.codec or come.codec,
        frame_width=out.frame_width or come.frame_width,
        frame_height=out.frame_height or come.frame_height,
        frames_sent=out.frames_sent if sent and video else None,
        key_frames_sent=out.key_frames_sent if sent and video else None,
        frames_received=come.frames_received if received and video else None,
        bytes_sent=out.bytes_sent if sent else None,
        bytes_received=come.bytes_received if received else None,
        packets_sent=out.packets_sent if sent else None,
        packets_received=come.packets_received if received else None,
        packets_lost=come.packets_lost,
        remote_packets_lost=out.remote_packets_lost,
        retransmitted_packets_sent=out.retransmitted_packets_sent if sent else None,
        nack_count=out.nack_count if sent else None,
        pli_count=out.pli_count if sent and video else None,
        mean_bitrate_sent=round(out.bytes_sent * 8 / seconds) if sent and connected else None,
        mean_bitrate_received=round(come.bytes_received * 8 / seconds)
        if received and connected
        else None,
        mean_frames_per_second_sent=round(out.frames_sent / seconds, 1)
        if sent and video and connected
        else None,
        mean_frames_per_second_received=round(come.frames_received / seconds, 1)
        if received and video and connected
        else None,
        mean_round_trip_time=rounded(rtt, 6),
        mean_jitter=rounded(jitter, 6),
        freeze_count=come.freeze_count if received and video else None,
        total_freezes_duration=rounded(come.total_freezes_duration, 3)
        if received and video
        else None,
    )
