"""Counts of what was refused, by cause."""

from __future__ import annotations

from agent.counts import RefusalKind, refusals
from agent.webrtc.internals.refused_datagrams import Refusal, RefusedDatagrams


def test_refused_datagrams_are_counted_by_cause_and_with_all_that_is_refused() -> None:
    counts, before = RefusedDatagrams(), refusals.totals()[RefusalKind.DATAGRAM]
    assert counts.totals() == {}
    for _ in range(3):
        counts.count(Refusal.EMPTY)
    counts.count(Refusal.FOREIGN)
    assert counts.totals() == {"empty": 3, "foreign": 1}
    assert (counts.of(Refusal.EMPTY), counts.of(Refusal.EXCESS)) == (3, 0)
    assert refusals.totals()[RefusalKind.DATAGRAM] == before + 4
