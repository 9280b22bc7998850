"""The bitrate controller with feedback on each packet and probes, on a simulated link."""

from __future__ import annotations

import pytest

from agent.core.rate.controller import BitrateController
from tests.core.rate.links import LIMITS, MEGABIT, SEEDS, simulate
from tests.fakes.link_options import LinkOptions


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("queue_bytes", [30_000, 75_000, 150_000])
@pytest.mark.parametrize("loss", [0.0, 0.02])
def test_controller_transport_cut_is_seen_drained_and_made_up_for(
    queue_bytes: int, loss: float, seed: int
) -> None:
    """4 Mbit/s, a fifth of it for 20 seconds, and 4 Mbit/s again."""
    capacity = ((0.0, 4e6), (20.0, 8e5), (40.0, 4e6))
    link = LinkOptions(
        capacity,
        queue_bytes=queue_bytes,
        loss=((0.0, loss),),
        transport_wide=True,
        seed=seed,
    )
    trace = simulate(link, 60)
    goal = 0.8 * trace.mean_target(12, 20)
    assert trace.first_time(20, lambda target: target <= 800_000) <= 2
    assert max(trace.targets_between(23, 40)) <= 800_000
    assert min(trace.targets_between(20, 40)) > 0.3 * 800_000
    assert trace.mean_target(30, 40) > 0.75 * 800_000
    assert trace.worst_latency(28, 40) < 0.3
    assert trace.first_time(40, lambda target: target >= goal) <= 10
    assert trace.worst_latency(40, 60) < 0.3


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("seconds", [1.0, 3.0, 5.0, 15.0])
def test_controller_transport_outage_costs_little_where_the_path_comes_back(
    seconds: float, seed: int
) -> None:
    link = LinkOptions(
        ((0.0, 4.5e6),), outages=((30.0, 30.0 + seconds),), transport_wide=True, seed=seed
    )
    end = 30 + seconds
    trace = simulate(link, end + 20)
    goal = round(0.8 * trace.mean_target(25, 30))
    assert trace.first_time(end, lambda target: target >= goal) <= (1 if seconds < 10 else 5)
    assert trace.worst_latency(end + 0.5, end + 20) < 0.3


@pytest.mark.parametrize("loss", [0.05, 0.10])
@pytest.mark.parametrize("seed", SEEDS)
def test_controller_transport_random_loss_is_not_congestion(loss: float, seed: int) -> None:
    link = LinkOptions(((0.0, 10e6),), loss=((0.0, loss),), transport_wide=True, seed=seed)
    trace = simulate(link, 60)
    assert min(trace.targets_between(0, 60)) >= 0.8 * LIMITS.bitrate
    assert trace.target_at(60) > 1.5 * LIMITS.bitrate


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("one_way", [0.005, 0.05, 0.1])
def test_controller_transport_steady_state_is_steady(one_way: float, seed: int) -> None:
    link = LinkOptions(
        ((0.0, 1e6),), propagation_delay=((0.0, one_way),), transport_wide=True, seed=seed
    )
    trace = simulate(link, 90)
    assert trace.mean_target(30, 90) > 0.7 * MEGABIT
    assert min(trace.targets_between(30, 90)) > 0.6 * MEGABIT
    # a probe stands in it for its own length
    assert trace.worst_latency(30, 90) < 0.25


def test_controller_transport_longer_path_is_not_a_queue() -> None:
    path = ((0.0, 0.02), (20.0, 0.12))
    trace = simulate(LinkOptions(((0.0, 10e6),), propagation_delay=path, transport_wide=True), 60)
    assert min(trace.targets_between(20, 60)) > 0.25 * trace.target_at(20)
    assert trace.target_at(60) == LIMITS.max_bitrate


def test_controller_transport_scene_that_does_not_fill_its_target_is_not_probed_for() -> None:
    trace = simulate(LinkOptions(((0.0, 10e6),), encoder_ratio=0.3, transport_wide=True), 40)
    assert trace.probes == []
    assert trace.targets_between(0, 40) == [LIMITS.bitrate]


def test_controller_transport_fast_path_is_used_within_three_seconds() -> None:
    trace = simulate(LinkOptions(((0.0, 20e6),), transport_wide=True), 30)
    assert trace.first_time(0, lambda target: target >= 3_800_000) <= 3
    # with nothing left to find out there is nothing to send
    assert [at for at, _ in trace.probes if at > 10] == []


def test_controller_transport_policer_is_seen_in_its_losses() -> None:
    trace = simulate(LinkOptions(((0.0, 1e6),), queue_bytes=12_000, transport_wide=True), 90)
    assert 0.6 * MEGABIT < trace.mean_target(40, 90) < MEGABIT


def test_controller_transport_without_feedback_nothing_is_probed() -> None:
    """Agreed on, and never sent: it goes by reports."""
    controller = BitrateController(LIMITS)
    for tick in range(200):
        controller.on_numbered(tick / 10, tick & 0xFFFF, [1200])
        assert controller.take_probe(tick / 10) is None
