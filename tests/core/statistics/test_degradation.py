"""How long and how badly a picture suffered."""

from __future__ import annotations

from agent.core.statistics.degradation import PICTURE_MODEL, Degradation
from agent.core.statistics.reports import LocalStats, ReceivedMedia, RemoteStats, SentMedia


def sent(rate: float, reason: str | None = "none", bitrate: int = 2_000_000) -> LocalStats:
    return LocalStats(
        video=SentMedia(
            frame_width=1280,
            frame_height=720,
            frames_per_second=rate,
            bitrate=bitrate,
            quality_limitation_reason=reason,
        )
    )


def test_without_a_picture_nothing_is_said() -> None:
    degradation = Degradation()
    degradation.add(LocalStats(), RemoteStats(), 2.0)
    assert degradation.degraded_duration is None
    assert degradation.durations() is None
    assert degradation.score(0.0) is None


def test_limited_and_standing_pictures_are_degraded() -> None:
    degradation = Degradation()
    degradation.add(sent(30), RemoteStats(), 2.0)
    degradation.add(sent(12, "bandwidth"), RemoteStats(), 2.0)
    degradation.add(sent(0), RemoteStats(), 1.0)
    assert degradation.degraded_duration == 3.0
    assert degradation.durations() == {"none": 3.0, "bandwidth": 2.0}


def test_a_full_picture_has_the_best_score_and_freezes_take_from_it() -> None:
    degradation = Degradation()
    degradation.add(sent(30), RemoteStats(), 10.0)
    best = degradation.score(0.0)
    assert best is not None
    assert (best.score, best.model) == (5.0, PICTURE_MODEL)
    half, none = degradation.score(5.0), degradation.score(100.0)
    assert half is not None
    assert none is not None
    assert 1.0 == none.score < half.score < best.score


def test_a_received_picture_counts_where_none_is_sent() -> None:
    degradation = Degradation()
    remote = RemoteStats(video=ReceivedMedia(frames_per_second=0.0, bitrate=0))
    degradation.add(LocalStats(), remote, 2.0)
    assert degradation.degraded_duration == 2.0
