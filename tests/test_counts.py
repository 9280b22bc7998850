"""Counts of what was refused."""

from __future__ import annotations

import threading

from agent.counts import RefusalCounts, RefusalKind, growth, in_words


def test_totals_hold_every_kind() -> None:
    counts = RefusalCounts()
    counts.count(RefusalKind.LOGIN)
    counts.count(RefusalKind.DATAGRAM, 12)
    assert counts.totals() == {
        **dict.fromkeys(RefusalKind, 0),
        RefusalKind.LOGIN: 1,
        RefusalKind.DATAGRAM: 12,
    }


def test_totals_are_a_copy() -> None:
    counts = RefusalCounts()
    counts.totals()[RefusalKind.LOGIN] = 5
    assert counts.totals()[RefusalKind.LOGIN] == 0


def test_counting_from_several_threads_loses_nothing() -> None:
    counts = RefusalCounts()

    def work() -> None:
        for _ in range(2000):
            counts.count(RefusalKind.MESSAGE)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts.totals()[RefusalKind.MESSAGE] == 8000


def test_growth_leaves_out_what_did_not_grow() -> None:
    before = {RefusalKind.LOGIN: 2, RefusalKind.DATAGRAM: 7}
    assert growth(before, {RefusalKind.LOGIN: 3, RefusalKind.DATAGRAM: 7}) == {RefusalKind.LOGIN: 1}
    assert (
        in_words({RefusalKind.DATAGRAM: 3, RefusalKind.ICE_SERVER: 1})
        == "3 datagrams, 1 ice servers"
    )
