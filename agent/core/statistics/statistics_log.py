"""The arithmetic that makes `local_stats`, `remote_stats` and the call record of a transport's
counters.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, TypeVar

from agent.core.statistics.counters import (
    PeerCounters,
    ReceivedCounters,
    SentCounters,
    TransportCounters,
)
from agent.core.statistics.reports import (
    LocalStats,
    MediaTotals,
    Path,
    Quality,
    ReceivedMedia,
    RemoteStats,
    SentMedia,
    TransportReport,
)

# seconds; over less a rate says nothing
SHORTEST = 0.001


class StatisticsLog:
    """Makes reports of the snapshots of a conversation's transports, and keeps what its record
    needs.

    Each transport counts from zero, so what earlier ones counted is added: no total falls when it
    is renewed.
    """

    def __init__(self) -> None:
        # sums of the transports that are gone
        self._earlier: PeerCounters | None = None
        # the current transport's latest snapshot
        self._last: PeerCounters | None = None
        self._path: Path | None = None
        self._round_trips: list[float] = [0.0, 0.0]  # sum, count
        self._jitters: list[float] = [0.0, 0.0]

    def start(self, counters: PeerCounters) -> None:
        """A transport begins to carry the media; an earlier one's counters are kept."""
        if self._last is not None:
            self._earlier = _sum(self._earlier, self._last)
        self._last = PeerCounters(at=counters.at)
        self._note_path(counters.transport)

    def _note_path(self, transport: TransportCounters) -> None:
        """A transport that is going has forgotten its pair, and the record still wants it."""
        if transport.local_candidate_type is not None:
            self._path = Path(
                local=transport.local_candidate_type,
                remote=transport.remote_candidate_type,
                protocol=transport.protocol,
                relayed=_relayed(transport),
            )

    def sample(self, counters: PeerCounters) -> tuple[LocalStats, RemoteStats]:
        """Reports for the interval since the last sample."""
        before = self._last or PeerCounters(at=counters.at)
        self._last = counters
        self._note_path(counters.transport)
        seconds = counters.at - before.at
        rtt = _round_trip_time(counters)
        _add(self._round_trips, rtt)
        received = counters.audio_received or counters.video_received
        _add(self._jitters, received.jitter if received else None)
        transport = _transport(counters.transport)
        local = LocalStats(
            video=_sent(counters.video_sent, before.video_sent, seconds),
            audio=_sent(counters.audio_sent, before.audio_sent, seconds),
            transport=transport,
        )
        remote = RemoteStats(
            video=_received(
                counters.video_received,
                before.video_received,
                counters.video_sent,
                seconds,
                counters.transport,
            ),
            audio=_received(
                counters.audio_received,
                before.audio_received,
                counters.audio_sent,
                seconds,
                counters.transport,
            ),
            transport=transport,
        )
        return local, remote

    def path(self) -> Path | None:
        """The pair that was selected last."""
        return self._path

    def totals(self, seconds: float) -> tuple[MediaTotals | None, MediaTotals | None]:
        """Video and audio over the whole conversation, which was connected for `seconds`."""
        if self._last is None:
            return None, None
        all_of_it = _sum(self._earlier, self._last)
        rtt, jitter = _mean(self._round_trips), _mean(self._jitters)
        return (
            _totals(all_of_it.video_sent, all_of_it.video_received, seconds, rtt, jitter),
            _totals(all_of_it.audio_sent, all_of_it.audio_received, seconds, rtt, jitter),
        )

    def quality(self) -> Quality | None:
        """A simplified E-model (ITU-T G.107) from delay, jitter and loss; None where no round trip
        was measured.
        """
        rtt = _mean(self._round_trips)
        if rtt is None or self._last is None:
            return None
        loss = _loss(_sum(self._earlier, self._last))
        delay_ms = rtt * 500 + (_mean(self._jitters) or 0.0) * 2000 + 10
        rating = (
            93.2 - (delay_ms / 40 if delay_ms < 160 else (delay_ms - 120) / 10) - 2.5 * 100 * loss
        )
        rating = min(max(rating, 0.0), 100.0)
        mos = 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating)
        return Quality(mos=round(min(max(mos, 1.0), 5.0), 2), model="e-model-simplified")


def _add(mean: list[float], value: float | None) -> None:
    if value is not None:
        mean[0] += value
        mean[1] += 1


def _mean(mean: list[float]) -> float | None:
    return mean[0] / mean[1] if mean[1] else None


def _rate(now: int, before: int, seconds: float) -> float | None:
    return max(0, now - before) / seconds if seconds >= SHORTEST else None


def _bits(now: int, before: int, seconds: float) -> int | None:
    rate = _rate(now, before, seconds)
    return None if rate is None else round(rate * 8)


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _round_trip_time(counters: PeerCounters) -> float | None:
    for sent in (counters.video_sent, counters.audio_sent):
        if sent is not None and sent.round_trip_time is not None:
            return sent.round_trip_time
    return counters.transport.current_round_trip_time


def _sent(
    now: SentCounters | None, before: SentCounters | None, seconds: float
) -> SentMedia | None:
    if now is None:
        return None
    before = before or SentCounters()
    video = now.frame_width is not None
    fresh = now.frames_sent - before.frames_sent
    delay = (now.send_delay_total - before.send_delay_total) / fresh * 1000 if fresh > 0 else None
    return SentMedia(
        frame_width=now.frame_width,
        frame_height=now.frame_height,
        frames_per_second=_round(_rate(now.frames_sent, before.frames_sent, seconds), 1)
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
        send_delay=_round(delay, 1),
    )


def _received(
    now: ReceivedCounters | None,
    before: ReceivedCounters | None,
    sent: SentCounters | None,
    seconds: float,
    transport: TransportCounters,
) -> ReceivedMedia | None:
    """What arrives (`now`), joined with what the far side reports of our stream of that kind
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
    report = {
        "remote_packets_lost": reported.remote_packets_lost,
        "fraction_lost": _round(reported.remote_fraction_lost, 4),
        "remote_jitter": _round(reported.remote_jitter, 6),
        "round_trip_time": _round(rtt, 6),
        "remote_bitrate_estimate": reported.remote_bitrate_estimate,
    }
    if now is None:
        return ReceivedMedia.model_validate(report)
    before = before or ReceivedCounters()
    video = now.frame_width is not None
    return ReceivedMedia.model_validate(
        {
            "frame_width": now.frame_width,
            "frame_height": now.frame_height,
            "frames_per_second": _round(
                _rate(now.frames_received, before.frames_received, seconds), 1
            )
            if video
            else None,
            "bytes_received": now.bytes_received,
            "bitrate": _bits(now.bytes_received, before.bytes_received, seconds),
            "delay": _round(rtt * 500, 1) if rtt is not None else None,
            "codec": now.codec,
            "packets_received": now.packets_received,
            "frames_received": now.frames_received if video else None,
            "key_frames_received": now.key_frames_received if video else None,
            "jitter": _round(now.jitter, 6),
            "packets_lost": now.packets_lost,
            "nack_count": now.nack_count,
            "pli_count": now.pli_count if video else None,
            "total_audio_energy": _round(now.total_audio_energy, 6),
            **report,
        }
    )


def _relayed(transport: TransportCounters) -> bool:
    return "relay" in (transport.local_candidate_type, transport.remote_candidate_type)


def _transport(now: TransportCounters) -> TransportReport:
    report = asdict(now)
    if now.local_candidate_type is not None:
        report["relayed"] = _relayed(now)
    report["current_round_trip_time"] = _round(now.current_round_trip_time, 6)
    return TransportReport.model_validate(report)


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
        "total_audio_energy",
    }
)


def _sum_media(earlier: _Counters | None, latest: _Counters | None) -> _Counters | None:
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


def _sum(earlier: PeerCounters | None, latest: PeerCounters) -> PeerCounters:
    if earlier is None:
        return latest
    return PeerCounters(
        at=latest.at,
        video_sent=_sum_media(earlier.video_sent, latest.video_sent),
        audio_sent=_sum_media(earlier.audio_sent, latest.audio_sent),
        video_received=_sum_media(earlier.video_received, latest.video_received),
        audio_received=_sum_media(earlier.audio_received, latest.audio_received),
        transport=latest.transport,
    )


def _loss(counters: PeerCounters) -> float:
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


def _totals(
    sent: SentCounters | None,
    received: ReceivedCounters | None,
    seconds: float,
    rtt: float | None,
    jitter: float | None,
) -> MediaTotals | None:
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
        mean_round_trip_time=_round(rtt, 6),
        mean_jitter=_round(jitter, 6),
    )
