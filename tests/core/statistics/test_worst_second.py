"""The second with the fewest pictures."""

from __future__ import annotations

from dataclasses import replace

from agent.core.statistics.counters import PeerCounters, ReceivedCounters, SentCounters
from agent.core.statistics.worst_second import WorstSecond
from tests.core.statistics.snapshots import PATH, VIDEO

SENT = replace(VIDEO, frames_sent=0, bytes_sent=0)


def sent(at: float, frames: int, size: int = 0, lost: float | None = None) -> PeerCounters:
    video = replace(SENT, frames_sent=frames, bytes_sent=size, remote_fraction_lost=lost)
    return PeerCounters(at=at, transport=PATH, video_sent=video)


def watched(*counters: PeerCounters) -> WorstSecond:
    worst = WorstSecond()
    worst.start(PeerCounters(at=0.0))
    for each in counters:
        worst.look(each)
    return worst


def test_worst_second_is_the_one_that_stood_amid_a_report_of_two() -> None:
    worst = watched(
        sent(1.0, 30), sent(2.0, 33, 25_000, 0.5), sent(3.0, 63, 400_000), sent(4.0, 93)
    ).interval
    assert worst is not None
    assert (worst.after, worst.duration, worst.frames_per_second) == (1.0, 1.0, 3.0)
    assert (worst.bitrate, worst.fraction_lost, worst.round_trip_time) == (200_000, 0.5, 0.05)


def test_worst_second_is_not_what_is_left_over_at_the_end() -> None:
    worst = watched(sent(1.0, 30), sent(1.25, 30)).interval
    assert worst is not None
    assert worst.frames_per_second == 30


def test_worst_second_counts_from_zero_with_a_fresh_transport() -> None:
    worst = watched(sent(1.0, 30))
    worst.start(PeerCounters(at=1.5))
    worst.look(sent(2.5, 20))
    assert worst.interval is not None
    assert (worst.interval.after, worst.interval.frames_per_second) == (1.0, 20.0)


def test_worst_second_of_a_picture_that_arrives_where_none_is_sent() -> None:
    def received(at: float, frames: int) -> PeerCounters:
        video = ReceivedCounters(packets_received=9, frames_received=frames, frame_width=640)
        return PeerCounters(at=at, transport=PATH, video_received=video)

    worst = watched(received(1.0, 25), received(2.0, 30)).interval
    assert worst is not None
    assert (worst.after, worst.frames_per_second) == (1.0, 5.0)


def test_worst_second_without_a_picture_is_none() -> None:
    assert watched(PeerCounters(at=1.0), PeerCounters(at=2.0)).interval is None
    assert watched(PeerCounters(at=1.0, audio_sent=SentCounters())).interval is None
