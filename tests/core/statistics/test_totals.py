"""Totals over a whole conversation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.statistics.counters import PeerCounters, ReceivedCounters, SentCounters
from agent.core.statistics.totals import add_counters, media_totals, worst_loss
from tests.core.statistics.snapshots import AUDIO, PATH, VIDEO


def test_add_counters_sums_totals_and_keeps_the_latest_of_the_rest() -> None:
    fresh = SentCounters(codec="H264", bytes_sent=1_000, frame_width=640, round_trip_time=0.2)
    both = add_counters(PeerCounters(1.0, video_sent=VIDEO), PeerCounters(2.0, video_sent=fresh))
    assert both.at == 2.0
    assert both.video_sent is not None
    assert both.video_sent.bytes_sent == VIDEO.bytes_sent + 1_000
    assert (both.video_sent.frame_width, both.video_sent.frame_height) == (640, 720)
    assert both.video_sent.round_trip_time == 0.2


def test_add_counters_keeps_a_kind_that_only_one_transport_had() -> None:
    both = add_counters(PeerCounters(1.0, audio_received=AUDIO), PeerCounters(2.0, transport=PATH))
    assert (both.audio_received, both.transport) == (AUDIO, PATH)


def test_add_counters_sums_what_was_played() -> None:
    first = replace(AUDIO, concealed_samples=480, jitter_buffer_delay=0.5)
    second = replace(AUDIO, concealed_samples=960, packets_discarded=2)
    both = add_counters(
        PeerCounters(1.0, audio_received=first), PeerCounters(2.0, audio_received=second)
    ).audio_received
    assert both is not None
    assert (both.concealed_samples, both.packets_discarded) == (1440, 2)
    assert both.jitter_buffer_delay == 0.5


@pytest.mark.parametrize(("lost", "share"), [(0, 0.01 / 1.01), (50, 0.5), (1000, 1.0)])
def test_worst_loss_is_the_larger_of_both_directions(lost: int, share: float) -> None:
    sent = replace(VIDEO, remote_packets_lost=lost)
    counters = PeerCounters(1.0, video_sent=sent, audio_received=AUDIO)
    assert worst_loss(counters) == pytest.approx(share)


def test_media_totals_of_nothing_are_none() -> None:
    assert media_totals(None, None, 10.0, None, None) is None


def test_media_totals_have_means_over_the_time_connected() -> None:
    totals = media_totals(VIDEO, None, 10.0, 0.05, 0.001)
    assert totals is not None
    assert (totals.mean_bitrate_sent, totals.mean_frames_per_second_sent) == (40_000, 6.0)
    assert totals.frames_received is None


def test_media_totals_of_a_call_that_never_connected_have_no_means() -> None:
    totals = media_totals(None, ReceivedCounters(bytes_received=1), 0.0, None, None)
    assert totals is not None
    assert (totals.bytes_received, totals.mean_bitrate_received) == (1, None)
