"""Probes: when one is due, and what it shows."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from agent.core.rate.probing import Fits, ProbeOptions, ProbePacket, Prober

OPTIONS = ProbeOptions()
MOST, CLOCK, OCTETS = 4e6, 5000.0, 1250


def due(prober: Prober, start: float, seconds: float, estimate: float = 1e6) -> list[float]:
    """When each was, asked ten times a second; none is sent."""
    ticks = (start + tick / 10 for tick in range(round(10 * seconds)))
    return [now for now in ticks if prober.due(now, estimate, MOST) is not None]


def run(
    prober: Prober, now: float, sent: float, capacity: float, *, lost: int = 0, late: float = 0.0
) -> Fits | None:
    """One of ten packets, sent at `sent` bit/s through a bottleneck. `late`: the receiver for its
    last packet.
    """
    prober.began(now, 100)
    prober.ended(now, 110)
    free_at, packets = 0.0, []
    for number in range(10):
        left_at = now + number * 8 * OCTETS / sent
        free_at = max(free_at, left_at) + 8 * OCTETS / capacity
        delay = free_at - left_at - 8 * OCTETS / capacity
        packets.append(ProbePacket(left_at, free_at + CLOCK, OCTETS, delay))
    packets[-1] = packets[-1]._replace(
        arrived_at=packets[-1].arrived_at + late, delay=packets[-1].delay + late
    )

    def arrived(first: int, last: int) -> Iterator[ProbePacket]:
        assert (first, last) == (100, 109)
        return iter(packets[lost:])

    return prober.judge(now + 0.1, 109, arrived)


def test_probing_waits_for_a_calm_and_then_for_the_interval() -> None:
    found = due(Prober(), 10.0, 6.0)
    assert found[0] == pytest.approx(10 + OPTIONS.next_after)
    assert found[1] - found[0] == pytest.approx(OPTIONS.interval, abs=0.11)


def test_probing_disturbed_begins_anew() -> None:
    prober = Prober()
    assert prober.due(10.0, 1e6, MOST) is None
    prober.disturb()
    assert prober.due(10.5, 1e6, MOST) is None
    assert prober.due(10.5 + OPTIONS.next_after, 1e6, MOST) is not None


def test_probing_is_twice_the_estimate_with_its_headers() -> None:
    prober = Prober()
    prober.due(0.0, 1e6, MOST)
    assert prober.due(1.0, 1e6, MOST) == pytest.approx((2e6 / 0.95, OPTIONS.duration))


def test_probing_goes_no_higher_than_what_is_wanted() -> None:
    prober = Prober()
    prober.due(0.0, 3e6, MOST)
    probe = prober.due(1.0, 3e6, MOST)
    assert probe is not None
    assert probe.bitrate == pytest.approx(MOST / 0.95)
    assert due(Prober(), 0.0, 10.0, estimate=3.9e6) == []


def test_probing_of_a_low_rate_takes_longer_and_has_packets_enough() -> None:
    prober = Prober()
    prober.due(0.0, 250_000, MOST)
    probe = prober.due(1.0, 250_000, MOST)
    assert probe is not None
    assert probe.bitrate * probe.seconds / 8 == pytest.approx(OPTIONS.packets * OCTETS)


def test_probing_what_arrives_as_it_was_sent_fits() -> None:
    prober = Prober()
    fits = run(prober, 10.0, 2e6, 20e6)
    assert fits is not None
    assert fits.whole
    assert fits.bitrate == pytest.approx(0.95 * 2e6, rel=0.02)
    assert prober.limit(10.2) == math.inf
    # and the next one follows soon
    assert prober.due(10.1, 1.9e6, MOST) is None
    assert prober.due(10.1 + OPTIONS.next_after, 1.9e6, MOST) is not None


def test_probing_what_arrives_more_slowly_tells_the_capacity() -> None:
    prober = Prober()
    fits = run(prober, 10.0, 2e6, 1e6)
    assert fits is not None
    assert not fits.whole
    assert fits.bitrate == pytest.approx(0.8 * 1e6, rel=0.02)
    assert prober.limit(10.2) == pytest.approx(0.8 * 1e6, rel=0.02)
    assert prober.limit(10.2 + OPTIONS.counts) == math.inf


def test_probing_after_a_failure_asks_for_less() -> None:
    prober = Prober()
    run(prober, 10.0, 2e6, 1e6)
    assert prober.due(10.2, 1e6, MOST) is None
    probe = prober.due(10.2 + OPTIONS.interval, 1e6, MOST)
    assert probe is not None
    assert probe.bitrate == pytest.approx(OPTIONS.factor_again * 1e6 / 0.95)


def test_probing_fails_less_often_where_it_fails_always() -> None:
    prober = Prober()
    at, gaps = 10.0, []
    for _ in range(4):
        run(prober, at, 2e6, 1e6)
        following = due(prober, at + 0.2, 10.0)[0]
        gaps.append(following - at)
        at = following
    assert gaps[0] == pytest.approx(OPTIONS.interval, abs=0.5)
    assert gaps[-1] == pytest.approx(OPTIONS.longest_interval, abs=0.5)


@pytest.mark.parametrize("trouble", [{"lost": 3}, {"late": 0.05}])
def test_probing_with_losses_or_a_queue_behind_it_passes_not(trouble: dict[str, float]) -> None:
    fits = run(Prober(), 10.0, 2e6, 20e6, **trouble)  # type: ignore[arg-type]
    assert fits is None or not fits.whole


def test_probing_waits_for_its_feedback_and_not_for_ever() -> None:
    prober = Prober()
    prober.due(9.0, 1e6, MOST)
    prober.began(10.0, 100)
    assert prober.judge(10.02, 105, lambda *_: iter(())) is None
    prober.ended(10.05, 110)
    assert due(prober, 10.1, OPTIONS.patience - 0.1) == []
    assert prober.judge(10.2, 105, lambda *_: iter(())) is None
    assert prober.judge(10.1 + OPTIONS.patience, 105, lambda *_: iter(())) is None
    assert prober.due(10.2 + OPTIONS.patience + OPTIONS.interval, 1e6, MOST) is not None
