"""Packets that are asked for again."""

from __future__ import annotations

import pytest

from agent.core.rate.nacks import INTERVAL, PACKET_BYTES, NackCounter


def test_nack_ratio_is_of_the_packets_that_the_target_makes() -> None:
    nacks = NackCounter()
    nacks.add(0.0, 6)
    nacks.add(0.5, 4)
    assert nacks.ratio(0.5, 100 * 8 * PACKET_BYTES) == pytest.approx(0.10)


def test_nack_ratio_forgets_what_is_older_than_the_interval() -> None:
    nacks = NackCounter()
    nacks.add(0.0, 6)
    nacks.add(0.5, 4)
    assert nacks.ratio(0.1 + INTERVAL, 100 * 8 * PACKET_BYTES) == pytest.approx(0.04)
    assert nacks.ratio(2.0 + INTERVAL, 1.0) == 0
