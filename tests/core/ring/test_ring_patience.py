"""Whoever rings in vain again and again rings shorter."""

from __future__ import annotations

from agent.core.ring.ring_patience import AGAIN_WITHIN, MAX_CALLERS, SHORT_RING, RingPatience


def test_second_ring_within_ten_minutes_is_short() -> None:
    patience = RingPatience()
    assert patience.ring("mallory", 0.0) is None
    assert patience.ring("mallory", AGAIN_WITHIN - 1) == SHORT_RING
    assert patience.ring("alice", AGAIN_WITHIN - 1) is None
    assert patience.ring("mallory", 2 * AGAIN_WITHIN - 1) is None


def test_ring_after_one_that_was_answered_is_like_the_first() -> None:
    patience = RingPatience()
    patience.ring("alice", 0.0)
    patience.taken("alice")
    assert patience.ring("alice", 1.0) is None


def test_callers_that_are_remembered_are_bounded() -> None:
    patience = RingPatience()
    for number in range(MAX_CALLERS + 1):
        patience.ring(f"caller-{number}", 0.0)
    assert patience.ring("caller-0", 1.0) is None
    assert patience.ring(f"caller-{MAX_CALLERS}", 1.0) == SHORT_RING
