"""The arithmetic that makes `local_stats`, `remote_stats` and the call record of a transport's
counters.
"""

from __future__ import annotations

from agent.core.statistics.counters import PeerCounters, TransportCounters
from agent.core.statistics.degradation import Degradation
from agent.core.statistics.interval import (
    is_relayed,
    received_media,
    sent_media,
    transport_report,
)
from agent.core.statistics.reports import (
    LocalStats,
    MediaTotals,
    Path,
    Quality,
    RemoteStats,
    Score,
)
from agent.core.statistics.totals import add_counters, media_totals, worst_loss
from agent.core.statistics.worst_second import WorstSecond

VOICE_MODEL = "e-model-simplified"


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
        self._degradation = Degradation()
        self._worst = WorstSecond()

    def start(self, counters: PeerCounters) -> None:
        """A transport begins to carry the media; an earlier one's counters are kept."""
        if self._last is not None:
            self._earlier = add_counters(self._earlier, self._last)
        self._last = PeerCounters(at=counters.at)
        self._worst.start(counters)
        self._note_path(counters.transport)

    def _note_path(self, transport: TransportCounters) -> None:
        """A transport that is going has forgotten its pair, and the record still wants it."""
        if transport.local_candidate_type is not None:
            self._path = Path(
                local=transport.local_candidate_type,
                remote=transport.remote_candidate_type,
                protocol=transport.protocol,
                relayed=is_relayed(transport),
            )

    def look(self, counters: PeerCounters) -> None:
        """Once a second, between two samples: the record tells of the worst one."""
        self._worst.look(counters)

    def sample(self, counters: PeerCounters) -> tuple[LocalStats, RemoteStats]:
        """Reports for the interval since the last sample."""
        before = self._last or PeerCounters(at=counters.at)
        self._last = counters
        self._worst.look(counters)
        self._note_path(counters.transport)
        seconds = counters.at - before.at
        rtt = _round_trip_time(counters)
        _add(self._round_trips, rtt)
        received = counters.audio_received or counters.video_received
        _add(self._jitters, received.jitter if received else None)
        transport = transport_report(counters.transport)
        local = LocalStats(
            video=sent_media(counters.video_sent, before.video_sent, seconds),
            audio=sent_media(counters.audio_sent, before.audio_sent, seconds),
            transport=transport,
        )
        remote = RemoteStats(
            video=received_media(
                counters.video_received,
                before.video_received,
                counters.video_sent,
                seconds,
                counters.transport,
            ),
            audio=received_media(
                counters.audio_received,
                before.audio_received,
                counters.audio_sent,
                seconds,
                counters.transport,
            ),
            transport=transport,
        )
        self._degradation.add(local, remote, seconds)
        return local, remote

    def path(self) -> Path | None:
        """The pair that was selected last."""
        return self._path

    def totals(self, seconds: float) -> tuple[MediaTotals | None, MediaTotals | None]:
        """Video and audio over the whole conversation, which was connected for `seconds`."""
        if self._last is None:
            return None, None
        all_of_it = add_counters(self._earlier, self._last)
        rtt, jitter = _mean(self._round_trips), _mean(self._jitters)
        video = media_totals(all_of_it.video_sent, all_of_it.video_received, seconds, rtt, jitter)
        if video is not None:
            video = video.model_copy(
                update={
                    "degraded_duration": self._degradation.degraded_duration,
                    "quality_limitation_durations": self._degradation.durations(),
                    "worst_interval": self._worst.interval,
                }
            )
        return (
            video,
            media_totals(all_of_it.audio_sent, all_of_it.audio_received, seconds, rtt, jitter),
        )

    def quality(self) -> Quality | None:
        """A simplified E-model (ITU-T G.107) from delay, jitter and loss; None where no round trip
        was measured.
        """
        rtt = _mean(self._round_trips)
        if rtt is None or self._last is None:
            return None
        all_of_it = add_counters(self._earlier, self._last)
        loss = worst_loss(all_of_it)
        delay_ms = rtt * 500 + (_mean(self._jitters) or 0.0) * 2000 + 10
        rating = (
            93.2 - (delay_ms / 40 if delay_ms < 160 else (delay_ms - 120) / 10) - 2.5 * 100 * loss
        )
        rating = min(max(rating, 0.0), 100.0)
        mos = 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating)
        mos = round(min(max(mos, 1.0), 5.0), 2)
        heard = all_of_it.audio_sent or all_of_it.audio_received
        seen = all_of_it.video_received
        return Quality(
            mos=mos,
            model=VOICE_MODEL,
            video=self._degradation.score(seen.total_freezes_duration if seen else 0.0),
            audio=Score(score=mos, model=VOICE_MODEL) if heard else None,
        )


def _round_trip_time(counters: PeerCounters) -> float | None:
    for sent in (counters.video_sent, counters.audio_sent):
        if sent is not None and sent.round_trip_time is not None:
            return sent.round_trip_time
    return counters.transport.current_round_trip_time


def _add(mean: list[float], value: float | None) -> None:
    if value is not None:
        mean[0] += value
        mean[1] += 1


def _mean(mean: list[float]) -> float | None:
    return mean[0] / mean[1] if mean[1] else None
