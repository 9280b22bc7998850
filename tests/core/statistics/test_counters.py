"""The snapshot of a transport."""

from __future__ import annotations

from dataclasses import fields

from agent.core.statistics.counters import (
    PeerCounters,
    ReceivedCounters,
    SentCounters,
    TransportCounters,
)
from agent.core.statistics.totals import _SUMMED


def test_peer_counters_of_a_fresh_transport_know_nothing() -> None:
    counters = PeerCounters(1.0)
    assert (counters.video_sent, counters.audio_received) == (None, None)
    assert counters.transport == TransportCounters()


def test_counters_that_are_added_up_begin_at_zero_or_are_unknown() -> None:
    for kind in (SentCounters, ReceivedCounters):
        defaults = {field.name: field.default for field in fields(kind)}
        assert {defaults[name] for name in _SUMMED & defaults.keys()} <= {0, None}


def test_counters_that_are_added_up_exist() -> None:
    names = {field.name for kind in (SentCounters, ReceivedCounters) for field in fields(kind)}
    assert names >= _SUMMED
