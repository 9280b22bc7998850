"""Counters become reports with W3C's names and units, and totals that survive a renewal."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.statistics.counters import (
    PeerCounters,
    ReceivedCounters,
    SentCounters,
    TransportCounters,
)
from agent.core.statistics.statistics_log import StatisticsLog
from tests.core.statistics.snapshots import AUDIO, PATH, VIDEO


def test_statistics_log_rates_cover_the_last_interval() -> None:
    log = StatisticsLog()
    log.start(PeerCounters(10.0))
    local, remote = log.sample(
        PeerCounters(12.0, video_sent=VIDEO, audio_received=AUDIO, transport=PATH)
    )
    assert local.video is not None
    assert (local.video.bitrate, local.video.frames_per_second, local.video.send_delay) == (
        200_000,
        30.0,
        5.0,
    )
    assert remote.audio is not None
    assert remote.audio.bitrate == 32_000
    later = replace(VIDEO, bytes_sent=51_000, frames_sent=61, send_delay_total=0.31)
    local, _ = log.sample(PeerCounters(13.0, video_sent=later))
    assert local.video is not None
    assert (local.video.bitrate, local.video.frames_per_second, local.video.send_delay) == (
        8_000,
        1.0,
        10.0,
    )


def test_statistics_log_remote_stats_join_arrivals_and_reports() -> None:
    log = StatisticsLog()
    log.start(PeerCounters(0.0))
    _, remote = log.sample(
        PeerCounters(2.0, video_sent=VIDEO, audio_received=AUDIO, transport=PATH)
    )
    assert remote.video is not None
    assert remote.video.model_dump(exclude_none=True, by_alias=True) == {
        "remotePacketsLost": 4,
        "fractionLost": 0.25,
        "remoteJitter": 0.002,
        "roundTripTime": 0.05,
    }
    assert remote.audio is not None
    assert (remote.audio.packets_lost, remote.audio.jitter) == (1, 0.001)
    assert remote.transport is not None
    assert remote.transport.relayed is True


def test_statistics_log_delay_is_half_a_round_trip() -> None:
    log = StatisticsLog()
    received = ReceivedCounters(packets_received=1, frame_width=640, frame_height=480)
    counters = PeerCounters(
        1.0, video_received=received, transport=replace(PATH, current_round_trip_time=0.04)
    )
    _, remote = log.sample(counters)
    assert remote.video is not None
    assert remote.video.delay == 20.0


def test_statistics_log_unknown_values_are_left_out() -> None:
    log = StatisticsLog()
    local, remote = log.sample(PeerCounters(1.0, video_received=ReceivedCounters()))
    assert local.model_dump(exclude_none=True) == {"transport": {}}
    assert remote.video is None
    assert log.path() is None
    assert log.quality() is None


def test_statistics_log_path_outlives_its_transport() -> None:
    log = StatisticsLog()
    log.start(PeerCounters(0.0, transport=PATH))
    log.sample(PeerCounters(1.0, transport=TransportCounters()))
    path = log.path()
    assert path is not None
    assert (path.local, path.remote, path.relayed) == ("host", "relay", True)


def test_statistics_log_totals_add_up_over_renewed_transports() -> None:
    log = StatisticsLog()
    log.start(PeerCounters(0.0))
    log.sample(PeerCounters(2.0, video_sent=VIDEO, audio_received=AUDIO, transport=PATH))
    log.start(PeerCounters(2.0))
    fresh = SentCounters(
        codec="H264", bytes_sent=1_000, frames_sent=10, frame_width=640, frame_height=360
    )
    log.sample(PeerCounters(3.0, video_sent=fresh, transport=PATH))
    video, audio = log.totals(3.0)
    assert video is not None
    assert (video.frames_sent, video.bytes_sent, video.key_frames_sent) == (70, 51_000, 2)
    assert (video.frame_width, video.mean_bitrate_sent) == (640, 136_000)
    assert audio is not None
    assert audio.packets_received == 100


@pytest.mark.parametrize(
    ("rtt", "lost", "low", "high"), [(0.01, 0, 4.3, 4.5), (0.4, 0, 3.0, 4.2), (0.01, 30, 1.0, 2.2)]
)
def test_statistics_log_quality_falls_with_delay_and_loss(
    rtt: float, lost: int, low: float, high: float
) -> None:
    log = StatisticsLog()
    log.sample(
        PeerCounters(1.0, video_sent=replace(VIDEO, round_trip_time=rtt, remote_packets_lost=lost))
    )
    quality = log.quality()
    assert quality is not None
    assert low <= quality.mos <= high


COUNTS = st.integers(0, 2**40)
SENT = st.builds(
    SentCounters,
    packets_sent=COUNTS,
    bytes_sent=COUNTS,
    frames_sent=COUNTS,
    frame_width=st.one_of(st.none(), st.integers(1, 4096)),
    send_delay_total=st.floats(0, 1e9),
    remote_packets_lost=st.one_of(st.none(), st.integers(0, 2**31)),
    remote_fraction_lost=st.one_of(st.none(), st.floats(0, 1)),
    round_trip_time=st.one_of(st.none(), st.floats(0, 100)),
)
RECEIVED = st.builds(
    ReceivedCounters, packets_received=COUNTS, bytes_received=COUNTS, packets_lost=COUNTS
)
COUNTERS = st.builds(
    PeerCounters,
    at=st.floats(0, 1e6),
    video_sent=st.one_of(st.none(), SENT),
    audio_received=st.one_of(st.none(), RECEIVED),
)


@given(st.lists(COUNTERS, min_size=1, max_size=8), st.floats(0, 1e6))
def test_statistics_log_reports_are_finite_for_any_counters(
    samples: list[PeerCounters], seconds: float
) -> None:
    """Whatever the counters do (fall, stand still, go back in time): finite numbers, none below
    zero.
    """
    log = StatisticsLog()
    for counters in samples:
        for report in log.sample(counters):
            assert_sane(report.model_dump(exclude_none=True))
    for totals in log.totals(seconds):
        if totals is not None:
            assert_sane(totals.model_dump(exclude_none=True))
    quality = log.quality()
    assert quality is None or 1.0 <= quality.mos <= 5.0


def assert_sane(value: object) -> None:
    if isinstance(value, dict):
        for each in value.values():
            assert_sane(each)
    elif isinstance(value, float):
        assert math.isfinite(value)


def test_the_record_has_freezes_and_degraded_time_of_every_transport() -> None:
    log = StatisticsLog()
    for freezes, frozen in ((1, 0.5), (2, 1.25)):
        log.start(PeerCounters(at=0.0))
        for second, frames in ((2.0, 60), (4.0, 60)):
            counters = ReceivedCounters(
                packets_received=10,
                frames_received=frames,
                frame_width=640,
                frame_height=360,
                freeze_count=freezes,
                total_freezes_duration=frozen,
            )
            transport = TransportCounters(current_round_trip_time=0.02)
            log.sample(PeerCounters(at=second, video_received=counters, transport=transport))
    video, _ = log.totals(8.0)
    assert video is not None
    assert (video.freeze_count, video.total_freezes_duration) == (3, 1.75)
    # the second half of both, in which no picture came
    assert video.degraded_duration == 4.0
    assert video.worst_interval is not None
    assert (video.worst_interval.after, video.worst_interval.frames_per_second) == (2.0, 0.0)
    quality = log.quality()
    assert quality is not None
    assert quality.video is not None
    assert quality.video.score < 3
    assert quality.audio is None
