"""Reports over one interval."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.statistics.counters import ReceivedCounters, TransportCounters
from agent.core.statistics.interval import (
    SHORTEST,
    is_relayed,
    received_media,
    sent_media,
    transport_report,
)
from tests.core.statistics.snapshots import AUDIO, PATH, VIDEO


def test_sent_media_of_nothing_is_none() -> None:
    assert sent_media(None, VIDEO, 1.0) is None


def test_sent_media_rates_are_per_second() -> None:
    later = replace(VIDEO, bytes_sent=60_000, frames_sent=90, send_delay_total=0.6)
    report = sent_media(later, VIDEO, 2.0)
    assert report is not None
    assert (report.bitrate, report.frames_per_second, report.send_delay) == (40_000, 15.0, 10.0)


def test_sent_media_over_no_time_has_no_rate() -> None:
    report = sent_media(VIDEO, None, SHORTEST / 2)
    assert report is not None
    assert (report.bitrate, report.frames_per_second) == (None, None)
    assert report.bytes_sent == VIDEO.bytes_sent


def test_sent_media_rate_of_counters_that_fell_is_zero() -> None:
    report = sent_media(replace(VIDEO, bytes_sent=1), VIDEO, 1.0)
    assert report is not None
    assert report.bitrate == 0


def test_sent_media_of_sound_has_no_frames() -> None:
    report = sent_media(replace(VIDEO, frame_width=None), None, 1.0)
    assert report is not None
    assert (report.frames_sent, report.frames_per_second, report.pli_count) == (None, None, None)


def test_received_media_negotiated_but_silent_is_none() -> None:
    assert received_media(ReceivedCounters(), None, None, 1.0, TransportCounters()) is None


def test_received_media_takes_the_round_trip_of_the_transport_where_no_report_has_one() -> None:
    path = replace(PATH, current_round_trip_time=0.04)
    report = received_media(AUDIO, None, None, 1.0, path)
    assert report is not None
    assert (report.delay, report.round_trip_time, report.bitrate) == (20.0, 0.04, 64_000)


@pytest.mark.parametrize(("remote", "relayed"), [("relay", True), ("host", False)])
def test_transport_report_says_whether_a_relay_carries_it(remote: str, relayed: bool) -> None:
    path = replace(PATH, remote_candidate_type=remote)
    assert is_relayed(path) is relayed
    assert transport_report(path).relayed is relayed


def test_transport_report_without_a_pair_leaves_relayed_out() -> None:
    assert transport_report(TransportCounters()).relayed is None


def test_received_media_tells_what_was_played_and_nothing_where_nothing_was() -> None:
    played = replace(
        AUDIO, total_samples_received=48_000, concealed_samples=960, packets_discarded=1
    )
    report = received_media(
        replace(played, jitter_buffer_delay=3.14159), None, None, 1.0, TransportCounters()
    )
    assert report is not None
    told = report.model_dump(by_alias=True, exclude_none=True)
    assert (told["totalSamplesReceived"], told["concealedSamples"]) == (48_000, 960)
    assert (told["packetsDiscarded"], told["jitterBufferDelay"]) == (1, 3.142)
    silent = received_media(AUDIO, None, None, 1.0, TransportCounters())
    assert silent is not None
    assert "concealedSamples" not in silent.model_dump(by_alias=True, exclude_none=True)
